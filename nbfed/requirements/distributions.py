"""Which distribution brings which import, for what is not installed where the build runs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# Import names whose distribution has another name. Several candidates: the first is the default,
# the others count where the notebook installs them itself.
_DIFFERENT: dict[str, tuple[str, ...]] = {
    "Bio": ("biopython",),
    "Crypto": ("pycryptodome",),
    "GPUtil": ("gputil",),
    "IPython": ("ipython",),
    "Levenshtein": ("levenshtein", "python-levenshtein"),
    "MySQLdb": ("mysqlclient",),
    "OpenSSL": ("pyopenssl",),
    "PIL": ("pillow",),
    "SimpleITK": ("simpleitk",),
    "ants": ("antspyx",),
    "attr": ("attrs",),
    "bs4": ("beautifulsoup4",),
    "cc3d": ("connected-components-3d",),
    # The headless build needs no window system, which a hospital's server seldom has.
    "cv2": (
        *("opencv-python-headless", "opencv-python"),
        *("opencv-contrib-python", "opencv-contrib-python-headless"),
    ),
    "dateutil": ("python-dateutil",),
    "dicom": ("pydicom",),
    "docx": ("python-docx",),
    "dotenv": ("python-dotenv",),
    "faiss": ("faiss-cpu", "faiss-gpu"),
    "fitz": ("pymupdf",),
    "git": ("gitpython",),
    "google.cloud.storage": ("google-cloud-storage",),
    "google.protobuf": ("protobuf",),
    "generative": ("monai-generative",),
    "hydra": ("hydra-core",),
    "ignite": ("pytorch-ignite",),
    "imblearn": ("imbalanced-learn",),
    "jwt": ("pyjwt",),
    "keras_preprocessing": ("keras-preprocessing",),
    "magic": ("python-magic",),
    "monai": ("monai", "monai-weekly"),
    "mpl_toolkits": ("matplotlib",),
    "nrrd": ("pynrrd",),
    "openslide": ("openslide-python",),
    "pkg_resources": ("setuptools",),
    "pptx": ("python-pptx",),
    "psycopg2": ("psycopg2-binary", "psycopg2"),
    "pyedflib": ("pyedflib",),
    "pylab": ("matplotlib",),
    "pynvml": ("nvidia-ml-py", "pynvml"),
    "pyro": ("pyro-ppl",),
    "pytorch_grad_cam": ("grad-cam",),
    "pywt": ("pywavelets",),
    "radiomics": ("pyradiomics",),
    "ruamel.yaml": ("ruamel-yaml",),
    "scikitplot": ("scikit-plot",),
    "serial": ("pyserial",),
    "skimage": ("scikit-image",),
    "sklearn": ("scikit-learn",),
    "skmultilearn": ("scikit-multilearn",),
    "sksurv": ("scikit-survival",),
    "torchsummary": ("torchsummary", "torch-summary"),
    "umap": ("umap-learn",),
    "yaml": ("pyyaml",),
    "zmq": ("pyzmq",),
}

# Import names whose distribution has the same name, but for underscores.
_SAME = """
accelerate adabelief_pytorch aiohttp albumentations altair annoy arrow attrs audioread
batchgenerators
biosppy bitsandbytes bokeh boto3 botocore captum catalyst catboost category_encoders certifi click
cloudpickle colorama coral_pytorch cryptography cycler dask datasets deepchem dgl diffusers dill
dipy duckdb e3nn efficientnet_pytorch einops emoji ete3 evaluate fastai fastcore feature_engine
filelock flax flwr_datasets fsspec ftfy fuzzywuzzy fvcore gdown gensim geopandas gpytorch graphviz
h5py hdbscan heartpy histolab httpx huggingface_hub hyperopt igraph imagehash imageio imgaug iopath
ipykernel ipywidgets itk jax jaxlib jinja2 joblib jsonschema kaggle keras kornia librosa
lifelines lightgbm lightning lime lion_pytorch lmdb loguru lpips lxml madgrad markdown matplotlib
medmnist medpy missingno ml_collections mlflow mlxtend mne msgpack natsort networkx
neurokit2 nibabel nilearn nipype nltk nnunetv2 numba numexpr numpy ogb omegaconf onnx onnxruntime
opacus open3d openpyxl optuna orjson packaging pandas patsy peft piq plotly polars prettytable
psutil ptflops pyarrow pycocotools pycox pydantic pydicom pydub pymongo pyod
pytorch_fid pytorch_lightning pytorch_metric_learning pytorch_msssim pytorch_tabnet pytorch_warmup
pytz pyvips pyvista rasterio ray rdkit regex requests rich rouge_score sacrebleu sacremoses
safetensors schedulefree scipy seaborn segmentation_models_pytorch sentence_transformers
sentencepiece seqeval setuptools shap shapely six skorch sktime slideio soundfile spacy sqlalchemy
staintools statsmodels sympy tables tabulate tensorboard tensorboardX tensorflow termcolor textblob
thop tiatoolbox tifffile tiktoken timm tokenizers toml tomli torch_cluster torch_fidelity
torch_geometric torch_lr_finder torch_optimizer torch_scatter torch_sparse torchaudio torchdiffeq
torchinfo torchio torchmetrics torchnet torchtext torchtuples torchvision torchviz torchxrayvision
tqdm transformers trimesh tsfresh typer typing_extensions ucimlrepo unidecode urllib3 vtk wandb
watermark wfdb wget xarray xgboost xlrd yacs yellowbrick zarr
"""

KNOWN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {name: (name.lower().replace("_", "-"),) for name in _SAME.split()} | _DIFFERENT
)
"""Import name (dotted where a namespace is shared) to distributions, the usual one first."""

SHARED = frozenset({"azure", "backports", "google", "ruamel", "sphinxcontrib", "zope"})
"""Top-level names that many distributions share: alone they tell nothing."""

ONLY_IN: Mapping[str, str] = MappingProxyType(
    {
        "google.colab": "Google Colab",
        "kaggle_secrets": "Kaggle",
        "kaggle_datasets": "Kaggle",
        "kaggle_web_client": "Kaggle",
        "dbutils": "Databricks",
    }
)
"""Modules that exist on one platform and in no distribution."""
