"""Accuracies that FLamby published for Fed-Heart-Disease.

From the repository owkin/FLamby, flamby/results/results_benchmark_fed_heart_disease/
heart_seed42.csv to heart_seed46.csv (42, 45 and 46 at commit a422b61, 43 and 44 at f553c7a; MIT
licence). Test rows: Cleveland 104, Hungary 89, Switzerland 16, Long Beach 45.
"""

from __future__ import annotations

HOSPITALS = ("cleveland", "hungarian", "switzerland", "va")
TRAIN_ROWS = (199, 172, 30, 85)
TEST_ROWS = (104, 89, 16, 45)

# Seed -> FedAvg's right answers on each hospital's test rows.
FEDAVG_RIGHT = {
    42: (79, 62, 11, 28),
    43: (75, 66, 12, 30),
    44: (77, 67, 8, 26),
    45: (76, 60, 12, 28),
    46: (73, 65, 9, 32),
}
SEEDS = tuple(FEDAVG_RIGHT)

# Unweighted over the hospitals: mean and deviation over the five seeds.
FEDAVG = (0.6850, 0.0253)
OWN_SITE = (0.7299, 0.0257)
POOLED = (0.7353, 0.0025)
