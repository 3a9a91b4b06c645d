package manifests

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/sosodev/duration"
)

const (
	durationHint = `write "20m", "1h30m" or a number of seconds`
	intervalHint = `write "20m", "P1D", "1 00:00:00" or "3 days 04:05:06"`
	maxInterval  = 10 * 366 * 24 * time.Hour
)

// duration is the value of key between low and high, or otherwise.
func (t table) duration(key string, otherwise, low, high time.Duration) time.Duration {
	return t.span(key, otherwise, low, high, parseDuration)
}

func (t table) span(key string, otherwise, low, high time.Duration, parse func(string) (time.Duration, error)) time.Duration {
	var d time.Duration
	switch v := t.values[key].(type) {
	case nil:
		return otherwise
	case int64:
		if v > math.MaxInt64/int64(time.Second) || v < 0 {
			t.bad(key, fmt.Errorf("want %s to %s, got %d seconds", brief(low), brief(high), v))
			return otherwise
		}
		d = time.Duration(v) * time.Second
	case string:
		var err error
		if d, err = parse(v); err != nil {
			t.bad(key, err)
			return otherwise
		}
	default:
		t.wrong(key, `a duration string such as "20m"`, "")
		return otherwise
	}
	if d < low || d > high {
		t.bad(key, fmt.Errorf("want %s to %s, got %s", brief(low), brief(high), brief(d)))
		return otherwise
	}
	return d
}

// brief is a duration without the zeros that Go writes at the end.
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// parseDuration reads Go's form.
func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err == nil {
		return d, nil
	}
	if _, err := strconv.Atoi(s); err == nil {
		return 0, instead(fmt.Sprintf(`write %s without quotes, or "%ss"`, s, s), "the number %s has no unit", s)
	}
	return 0, instead(durationHint, "%s is no duration", show(s))
}

// parseInterval also reads ISO 8601, "DD HH:MM:SS.uuuuuu" and PostgreSQL's
// "3 days 04:05:06". Months and years have no length and are refused.
func parseInterval(s string) (time.Duration, error) {
	if strings.HasPrefix(s, "P") {
		return parseISO(s)
	}
	clock := regexp.MustCompile(`^(?:(\d{1,5})(?: days?,?)?(?: |$))?(?:(\d{1,5}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?)?$`).FindStringSubmatch(s)
	if clock == nil || clock[2] == "" && !strings.Contains(s, "day") {
		d, err := time.ParseDuration(s)
		if err != nil {
			return 0, instead(intervalHint, "%s is no interval", show(s))
		}
		return d, nil
	}
	return clockDuration(clock)
}

// clockDuration adds up days, hours, minutes, seconds and their fraction.
func clockDuration(parts []string) (time.Duration, error) {
	var n [5]time.Duration
	for i, part := range parts[1:] {
		if i == 4 {
			part = (part + "000000")[:6]
		}
		value, err := strconv.ParseInt("0"+part, 10, 32)
		if err != nil {
			return 0, instead(intervalHint, "%s is no interval", show(parts[0]))
		}
		n[i] = time.Duration(value)
	}
	if n[2] > 59 || n[3] > 59 {
		return 0, instead(intervalHint, "%s has more than 59 minutes or seconds", show(parts[0]))
	}
	return n[0]*24*time.Hour + n[1]*time.Hour + n[2]*time.Minute + n[3]*time.Second + n[4]*time.Microsecond, nil
}

// parseISO reads an ISO 8601 duration; the expression is the stricter reader of
// the two.
func parseISO(s string) (time.Duration, error) {
	const number = `\d{1,6}(?:\.\d{1,6})?`
	form := regexp.MustCompile(`^P(?:` + number + `W)?(?:` + number + `D)?(?:T(?:` + number + `H)?(?:` + number + `M)?(?:` + number + `S)?)?$`)
	if !form.MatchString(s) || s == "P" || strings.HasSuffix(s, "T") {
		hint := `write "P1D" or "P4DT1H15M20S"`
		if regexp.MustCompile(`^P[^T]*[YM]`).MatchString(s) {
			hint = "months and years have no fixed length: write days, or use cron"
		}
		return 0, instead(hint, "%s is no ISO 8601 duration", show(s))
	}
	d, err := duration.Parse(s)
	if err != nil {
		return 0, instead(intervalHint, "%s is no ISO 8601 duration", show(s))
	}
	return d.ToTimeDuration(), nil
}

// periodic reads [periodic].
func (t table) periodic() *Periodic {
	t.closed("")
	p := &Periodic{
		Interval: t.span("interval", 0, time.Second, maxInterval, parseInterval),
		Retries:  t.integer("retries", 0, 0, 100),
	}
	switch hasInterval, hasCron := t.has("interval"), t.has("cron"); {
	case hasInterval && hasCron:
		t.bad("cron", instead("keep one of the two", "interval and cron exclude each other"))
	case !hasInterval && !hasCron:
		t.missing("interval", `write interval = "P1D" or cron = "30 4 * * *"`)
	}
	if s, ok := t.name("cron"); ok {
		if err := checkCron(s); err != nil {
			t.bad("cron", err)
			s = ""
		}
		p.Cron = s
	}
	if s, ok := t.name("time-zone"); ok {
		if _, err := time.LoadLocation(s); err != nil || s == "Local" {
			t.bad("time-zone", instead(`write an IANA name such as "Europe/Berlin"`, "%s is no time zone", show(s)))
		}
		if !t.has("cron") {
			t.bad("time-zone", instead("leave it out", "only cron has a time zone"))
		}
		p.TimeZone = s
	}
	return p
}

// checkCron accepts five fields and the named schedules, if they ever come due.
func checkCron(s string) error {
	switch {
	case strings.Contains(s, "TZ="):
		return instead(`write time-zone = "Europe/Berlin"`, "the time zone has its own key")
	case strings.HasPrefix(s, "@every"):
		return instead("write interval", "@every is an interval")
	}
	schedule, err := cron.ParseStandard(s)
	if err != nil {
		return instead(`write five fields such as "30 4 * * *"`, "%s", oneLine(err.Error()))
	}
	if schedule.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return instead("check day and month", "%s never comes due", show(s))
	}
	return nil
}
