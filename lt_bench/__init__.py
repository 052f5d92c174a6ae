"""lt_bench: experiments and benchmarks for modality fusion in talking-head diffusion transformers."""

__version__ = "0.1.0"
