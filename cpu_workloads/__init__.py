"""CPU stressors with MiBench's behaviour, each counting the work it does. Stands alone."""
