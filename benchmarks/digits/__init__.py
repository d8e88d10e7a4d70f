"""The engines' speed against a plain PyTorch loop, on the digits workload: `make bench`."""
