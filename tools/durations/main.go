// What Go's time.ParseDuration and Duration.String make of many texts, as crates/api/contract/go/durations.json:
//
//	go run . > ../../crates/api/contract/go/durations.json
package main

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"strings"
	"time"
)

type row struct {
	Input string `json:"input"`
	Text  string `json:"text,omitempty"`
	Nanos int64  `json:"nanos"`
	Error string `json:"error,omitempty"`
}

var corners = []string{
	"", "0", "+0", "-0", "+", "-", ".", ".s", "1", "1.", "1.s", ".5s", "..5s", "1..2s", "1.2.3s", " 1s", "1s ", "1 s", "1S",
	"1e3s", "0x1s", "1d", "1w", "1hm", "h1", "-1s", "+1s", "--1s", "1s-1s", "1us", "1µs", "1μs", "1é", "1\"", "1\\", "1\n",
	"9223372036854775807ns", "9223372036854775808ns", "-9223372036854775808ns", "-9223372036854775809ns", "9223372036.854775807s",
	"9223372036.854775808s", "2562047h47m16.854775807s", "2562047h47m16.854775808s", "2562048h", "3000000h", "99999999999999999999s",
	"0.1ns", "0.9ns", "0.000000001s", "0.0000000001s", "0.100000000000000000000h", "0.3333333333333333333h", "0.9223372036854775807h",
	"1.00000000000000000000000000000001h", "0.830103483285477580700h", "1m1m1m", "1ms1us1ns", "60s", "3600s", "90m", "1h0m0s", "0h0m0s",
}

func main() {
	random := rand.New(rand.NewSource(1))
	inputs := corners
	units := []string{"ns", "us", "ms", "s", "m", "h"}
	for range 200 {
		var text strings.Builder
		for range 1 + random.Intn(3) {
			fmt.Fprintf(&text, "%d", random.Intn(5000))
			if random.Intn(2) == 0 {
				fmt.Fprintf(&text, ".%d", random.Int63n(1_000_000_000_000))
			}
			text.WriteString(units[random.Intn(len(units))])
		}
		inputs = append(inputs, text.String())
	}
	var rows []row
	for _, input := range inputs {
		duration, err := time.ParseDuration(input)
		if err != nil {
			rows = append(rows, row{Input: input, Error: err.Error()})
		} else {
			rows = append(rows, row{Input: input, Text: duration.String(), Nanos: int64(duration)})
		}
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(rows); err != nil {
		panic(err)
	}
}
