module example.test/shop

go 1.22

require (
	example.test/greeting v0.0.0
	example.test/price v0.0.0
)

replace (
	example.test/greeting => ./lib/greeting
	example.test/price => ./lib/price
)
