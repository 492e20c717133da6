"""The processes of a training, one per GPU, and what they train. Only these import torch."""
