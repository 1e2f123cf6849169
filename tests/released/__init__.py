"""What the released code does, written again plainly: what the tests, and the benchmarks, compare with."""
