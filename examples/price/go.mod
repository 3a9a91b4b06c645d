module example.test/price

go 1.22
