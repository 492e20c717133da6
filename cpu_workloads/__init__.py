"""CPU stressors with MiBench's behaviour, each counting the work it does. Nothing of colocate is imported."""
