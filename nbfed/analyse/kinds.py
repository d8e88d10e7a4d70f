"""What well-known calls make: a table of dotted names.

To teach nbfed another library, add a row to ``_MAKERS``. Rows are tried in order, and a row
matches the whole dotted name.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache


class Kind(StrEnum):
    """What an expression's value is, as far as its text tells."""

    MODULE = "module"
    OPTIMIZER = "optimizer"
    SCHEDULER = "scheduler"
    LOSS = "loss"
    METRIC = "metric object"
    TRANSFORM = "transform"
    DEVICE = "device"
    LOADER = "loader"
    DATASET = "dataset"
    TRAINER = "trainer"
    NUMBER = "number"
    TEXT = "text"
    CONTAINER = "container"
    TENSOR = "tensor"
    DEFINITION = "definition"
    PURE = "value"
    EFFECT = "effect"
    UNKNOWN = "unknown"


# Calls of these kinds do nothing but make their value.
HARMLESS = frozenset(
    {
        *(Kind.MODULE, Kind.OPTIMIZER, Kind.SCHEDULER, Kind.LOSS, Kind.METRIC, Kind.TRANSFORM),
        *(Kind.DEVICE, Kind.NUMBER, Kind.TEXT, Kind.CONTAINER, Kind.TENSOR, Kind.PURE),
        *(Kind.DEFINITION, Kind.TRAINER),
    }
)
# Objects of these kinds belong to training: made from a model, and useless without it.
TRAINING_TOOLS = frozenset(
    {Kind.OPTIMIZER, Kind.SCHEDULER, Kind.LOSS, Kind.METRIC, Kind.TRAINER, Kind.DEVICE}
)

_OPTIMIZERS = (
    "Adam|AdamW|Adamax|NAdam|RAdam|SparseAdam|SGD|ASGD|RMSprop|Rprop|Adagrad|Adadelta|LBFGS|"
    "Adafactor|LAMB|Lamb|Lion|Ranger|Novograd|AdaBelief|AdamP|SGDP|Muon|MADGRAD"
)
_NETWORK_LIBRARIES = (
    r"torchvision\.models|segmentation_models_pytorch|monai\.networks|efficientnet_pytorch|"
    r"pretrainedmodels|torchxrayvision\.models|torch_geometric\.nn|vit_pytorch"
)

_MAKERS: tuple[tuple[str, Kind], ...] = (
    (r"torch\.optim\.lr_scheduler\..*", Kind.SCHEDULER),
    (r".*(LR|LRScheduler|lr_scheduler|ReduceLROnPlateau|WarmRestarts)", Kind.SCHEDULER),
    (r"(transformers|.*)\.get_\w*schedule\w*", Kind.SCHEDULER),
    (rf"(.*\.)?({_OPTIMIZERS})", Kind.OPTIMIZER),
    (r"torch\.optim\..*", Kind.OPTIMIZER),
    (r".*GradScaler", Kind.PURE),
    (r"(.*\.)?(\w*Loss|\w*Criterion|\w*LossFunction)", Kind.LOSS),
    (r"monai\.losses\..*", Kind.LOSS),
    (r"segmentation_models_pytorch\.utils\.train\..*", Kind.PURE),
    (r"segmentation_models_pytorch\.(utils\.)?losses\..*", Kind.LOSS),
    (r"(monai\.metrics|torchmetrics|segmentation_models_pytorch\.utils\.metrics)\..*", Kind.METRIC),
    (r"torch\.nn\.(functional|init|utils|parallel\.replicate)\..*", Kind.TENSOR),
    (r"torch\.nn\.Parameter", Kind.TENSOR),
    (r"torch\.nn\..*", Kind.MODULE),
    (r"torch\.(compile|jit\.script|jit\.trace|hub\.load)", Kind.MODULE),
    (r"torchvision\.models\..*\.(DEFAULT|IMAGENET1K_V\d)\.transforms", Kind.TRANSFORM),
    (r"torchvision\.models\.\w*_Weights.*", Kind.PURE),
    (r"timm\.(create_model|models\..*)", Kind.MODULE),
    (r"timm\.data\.(create_transform|resolve\w*)", Kind.TRANSFORM),
    (r"transformers\.\w*(Tokenizer|Processor|FeatureExtractor|Config)\w*\..*", Kind.EFFECT),
    (r"transformers\.\w*(Model|For\w+)(\.from_pretrained|\.from_config)?", Kind.MODULE),
    (r"transformers\.\w*Trainer", Kind.TRAINER),
    (r"transformers\..*", Kind.PURE),
    (r"evaluate\.(load|combine)", Kind.METRIC),
    (r"monai\.networks\.(utils\.(one_hot|normalize_transform)|schedulers\..*)", Kind.PURE),
    (rf"({_NETWORK_LIBRARIES})\..*", Kind.MODULE),
    (r".*\.(transforms|augmentations)(\.\w+)*\.\w+", Kind.TRANSFORM),
    (
        r"(albumentations|kornia\.augmentation|imgaug\.augmenters|torchio\.transforms)\..*",
        Kind.TRANSFORM,
    ),
    (
        r"(torch|monai|torch_geometric)(\.utils)?(\.data|\.loader)(\.\w+)*\.\w*DataLoader",
        Kind.LOADER,
    ),
    (r"torch\.utils\.data\.default_collate", Kind.PURE),
    (r"torch\.utils\.data\..*", Kind.DATASET),
    (r"monai\.data\.(\w+\.)*(decollate_batch|list_data_collate|pad_list_data_collate)", Kind.PURE),
    (r"monai\.data\..*", Kind.DATASET),
    (r"torchvision\.datasets\..*", Kind.DATASET),
    (r"\w+(\.\w+)*\.\w*(Dataset|DataModule|ImageFolder)", Kind.DATASET),
    (r"torchvision\.(utils\.make_grid|ops\..*)", Kind.TENSOR),
    (r"monai\.inferers\..*", Kind.PURE),
    (r"(pytorch_lightning|lightning(\.pytorch)?)\.Trainer", Kind.TRAINER),
    (r"(pytorch_lightning|lightning(\.pytorch)?)\.(callbacks|loggers)\..*", Kind.PURE),
    (r"torch\.device", Kind.DEVICE),
    (
        r"torch\.(cuda|backends|mps|xpu)\.([\w.]*\.)?(is_available|device_count|is_built|current_device)",
        Kind.NUMBER,
    ),
    (
        r"torch\.(accelerator\.\w+|get_default_device|get_num_threads|is_tensor|is_grad_enabled)",
        Kind.PURE,
    ),
    (r"torch\.cuda\.(get_device_name|get_device_properties|get_device_capability)", Kind.PURE),
    (
        r"torch\.(no_grad|inference_mode|enable_grad|autocast|amp\.autocast|cuda\.amp\.autocast)",
        Kind.PURE,
    ),
    (r"torch\.(Generator|Size|dtype|finfo|iinfo)", Kind.PURE),
    (
        r"torch\.(load|save|set_\w+|manual_seed|seed|use_deterministic_algorithms|from_file)",
        Kind.EFFECT,
    ),
    (r"(torch\.utils\.tensorboard|tensorboardX)(\.\w+)*\.SummaryWriter", Kind.PURE),
    (r"torch\.(cuda|backends|distributed|multiprocessing|utils|onnx|hub)\..*", Kind.EFFECT),
    (r"torch\.\w+", Kind.TENSOR),
    (r"numpy\.(load|loadtxt|genfromtxt|fromfile|memmap|save\w*|tofile|random\.seed)", Kind.EFFECT),
    (r"numpy\.(mean|sum|std|var|median|sqrt|prod|max|min|average)", Kind.NUMBER),
    (r"numpy\..*", Kind.PURE),
    (r"math\..*", Kind.NUMBER),
    (r"(time\.(time|perf_counter|monotonic|process_time)|timeit\.default_timer)", Kind.NUMBER),
    (r"time\.(strftime|localtime|gmtime|ctime)", Kind.PURE),
    (r"datetime\..*", Kind.PURE),
    (r"(pathlib\.)?(Path|PurePath|PosixPath)", Kind.PURE),
    (
        r"os\.path\.(join|basename|dirname|splitext|split|expanduser|normpath|abspath|realpath|relpath)",
        Kind.TEXT,
    ),
    (r"os\.(environ\.get|getenv)", Kind.TEXT),
    (r"tempfile\.(mkdtemp|gettempdir)", Kind.TEXT),
    (r"os\.(fspath|cpu_count|makedirs|mkdir|path\.(exists|isdir|isfile))", Kind.PURE),
    (r"re\.\w+", Kind.PURE),
    (
        r"(collections|itertools|functools|operator|dataclasses|typing|enum|copy|string|types)\..*",
        Kind.PURE,
    ),
    (
        r"(argparse\.(Namespace|ArgumentParser)|easydict\.EasyDict|ml_collections\.ConfigDict)",
        Kind.PURE,
    ),
    (r"tqdm(\.\w+)*", Kind.PURE),
    (r"logging\.getLogger", Kind.PURE),
    (r"sklearn\.(preprocessing|impute|compose|pipeline|decomposition)\..*", Kind.PURE),
    (
        r"sklearn\.metrics\.(\w*score|\w*error|\w*loss|auc|accuracy\w*|matthews_corrcoef)",
        Kind.NUMBER,
    ),
    (r"sklearn\.metrics\..*", Kind.PURE),
    (r"sklearn\.model_selection\.\w*(Fold|Split|KFold|ShuffleSplit)", Kind.PURE),
    (r"(int|float|bool|len|abs|round|sum|max|min|pow|divmod|hash|ord|complex)", Kind.NUMBER),
    (r"(str|repr|chr|format|ascii|hex|bin|oct)", Kind.TEXT),
    (
        r"(dict|list|tuple|set|frozenset|range|zip|enumerate|sorted|map|filter|reversed|iter|bytes|bytearray)",
        Kind.CONTAINER,
    ),
    (
        r"(type|isinstance|issubclass|hasattr|getattr|setattr|delattr|callable|object|slice|any|all|id|vars|super|print)",
        Kind.PURE,
    ),
    (
        r"(next|property|staticmethod|classmethod|NotImplementedError|ValueError|\w+Error|Exception)",
        Kind.PURE,
    ),
)
_PATTERNS = tuple((re.compile(pattern), kind) for pattern, kind in _MAKERS)

# Methods that only compute, whatever they are called on.
PURE_METHODS = frozenset(
    {
        *("format", "join", "split", "rsplit", "strip", "lstrip", "rstrip", "lower", "upper"),
        *("replace", "startswith", "endswith", "title", "zfill", "capitalize", "encode", "decode"),
        *("keys", "values", "items", "get", "copy", "index", "count", "union", "intersection"),
        *("parameters", "named_parameters", "state_dict", "children", "modules", "named_modules"),
        *("named_children", "buffers", "train", "eval", "to", "cuda", "cpu", "double", "half"),
        *("float", "long", "int", "bool", "type", "requires_grad_", "size", "dim", "numel"),
        *("item", "numpy", "tolist", "astype", "view", "reshape", "unsqueeze", "squeeze", "repeat"),
        *("permute", "transpose", "flatten", "expand", "detach", "clone", "contiguous", "t"),
        *("mean", "sum", "std", "var", "max", "min", "argmax", "argmin", "abs", "sqrt", "exp"),
        *("log", "pow", "clamp", "round", "cumsum", "add", "mul", "div", "sub", "norm", "matmul"),
        *("manual_seed", "expanduser", "resolve", "joinpath", "with_suffix", "absolute"),
        *("transforms", "most_common", "partial", "bit_length", "total_seconds", "strftime"),
        *("nelement", "element_size", "type_as", "new_tensor", "unbind", "chunk", "any", "all"),
        *("rename", "as_posix", "relative_to", "isnull", "nunique", "unique", "apply", "zero_grad"),
        *("append", "extend", "update", "add", "insert", "setdefault", "pop", "sort", "reverse"),
        *("load_state_dict", "register_buffer", "register_parameter", "add_module", "remove"),
        *("fill_", "zero_", "normal_", "uniform_", "copy_", "add_", "mul_", "random_"),
        *("mkdir", "exists", "is_dir", "is_file"),
        *("add_argument", "freeze", "unfreeze", "now", "today", "isoformat", "reset", "clear"),
    }
)


@lru_cache(maxsize=4096)
def kind_of_call(dotted: str) -> Kind:
    """What calling ``dotted`` makes, UNKNOWN for a name that the table does not have."""
    for pattern, kind in _PATTERNS:
        if pattern.fullmatch(dotted):
            return kind
    return Kind.UNKNOWN
