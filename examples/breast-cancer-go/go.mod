module contender.dev/examples/breast-cancer-go

go 1.24
