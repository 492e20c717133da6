"""The processes of a training, one per GPU, and the networks that they train. Only these import torch."""
