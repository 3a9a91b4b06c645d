package main

import (
	"context"
	"errors"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/wright-build/wright/plugins"
)

// noSuchThread is what KILL says of a session that has ended.
const noSuchThread = 1094

// soon is when to try again what failed for a reason that passes.
const soon = 5 * time.Second

// numberOf gives the number of a server's refusal, or 0.
func numberOf(err error) uint16 {
	if refusal, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return refusal.Number
	}
	return 0
}

// explain gives an error of the server its code.
func explain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, ok := errors.AsType[*plugins.Error](err); ok {
		return err
	}
	number := numberOf(err)
	if number == 0 {
		return plugins.RetryAfter(soon, err) // the connection: nothing else fails without a refusal
	}
	return explainNumber(number, err)
}

// The numbers are in "Server Error Message Reference" of MySQL's manual and in
// "MariaDB Error Codes".
func explainNumber(number uint16, err error) error {
	switch number {
	case 1044, 1045, 1095, 1129, 1130, 1142, 1143, 1227, 1251, 1290, 1370, 1410, 1698, 3118:
		return plugins.Errorf(plugins.Denied, "%w", err)
	case 1819:
		return plugins.Invalidf("password", "%w", err)
	case 1021, 1114, 1226, 3019:
		return plugins.Errorf(plugins.Quota, "%w", err)
	case 1037, 1040, 1041, 1053, 1077, 1079, 1203, 1205, 1206, 1213, 1317, 1836, 1927, 3572:
		return plugins.RetryAfter(soon, err)
	case 1007, 1008, 1049, 1062, 1146, 1158, 1159, 1160, 1161, 1396, 3058:
		return plugins.Errorf(plugins.Transient, "%w", err)
	}
	return err
}
