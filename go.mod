module github.com/karez/karez

go 1.26.8
