//! Accuracy, calibration and error by subgroup.
