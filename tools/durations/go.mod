module durations

go 1.26
