package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// derive rewrites the expectation of each case file from what the real libraries answer, and reports the cases whose
// named error phrase is not in the real error.
func derive(paths []string) int {
	bad := 0
	for _, path := range paths {
		before, err := os.ReadFile(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		var after string
		if strings.HasPrefix(string(before), "# yaml\n") {
			after = deriveYAML(string(before))
		} else {
			var problem string
			after, problem = deriveBuild(string(before))
			if problem != "" {
				fmt.Fprintf(os.Stderr, "%s: %s\n", path, problem)
				bad = 1
			}
		}
		if after != string(before) {
			fmt.Println("changed:", path)
			if err := os.WriteFile(path, []byte(after), 0o644); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
	}
	return bad
}

// deriveYAML works on a file of many small cases: a name, an input and an output as JSON lines.
func deriveYAML(text string) string {
	parts := strings.Split(text, "\n=== ")
	for i, part := range parts[1:] {
		input, _, _ := strings.Cut(part, "\n--- out\n")
		_, body, _ := strings.Cut(input, "\n")
		var request Request
		answer := Answer{}
		if err := json.Unmarshal([]byte(body), &request); err != nil {
			answer.Err = err.Error()
		} else if request.Op = "yaml"; true {
			if text, err := serve(request); err != nil {
				answer.Err = err.Error()
			} else {
				answer.Out = text
			}
		}
		var out strings.Builder
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(answer); err != nil {
			panic(err)
		}
		parts[i+1] = input + "\n--- out\n" + strings.TrimSuffix(out.String(), "\n")
	}
	return strings.Join(parts, "\n=== ") + "\n"
}

// deriveBuild works on one case: a head of `key: value` lines, files, and the expectation as the last of them.
func deriveBuild(text string) (string, string) {
	head, _, _ := strings.Cut(text, "\n-- ")
	given, _, _ := strings.Cut(text, "\n-- expect --\n")
	given = strings.TrimSuffix(given, "\n") + "\n"
	request := Request{Op: "flux", Files: map[string]string{}}
	phrase := ""
	for _, line := range strings.Split(head, "\n") {
		key, value, _ := strings.Cut(line, ": ")
		switch key {
		case "mode":
			request.Op = value
		case "path":
			request.Path = value
		case "spec":
			if err := json.Unmarshal([]byte(value), &request.Spec); err != nil {
				return text, err.Error()
			}
		case "strict":
			request.Strict = value == "true"
		case "always":
			request.Always = value == "true"
		case "error":
			phrase = value
		}
	}
	for _, part := range strings.Split(given, "\n-- ")[1:] {
		name, content, found := strings.Cut(part, " --\n")
		if !found {
			name, content = strings.TrimSuffix(part, " --\n"), ""
		}
		if content != "" && !strings.HasSuffix(content, "\n") {
			content += "\n"
		}
		request.Files[name] = content
	}
	out, err := serve(request)
	switch {
	case err == nil && phrase != "":
		return text, "expected an error, got:\n" + out
	case err == nil:
		return given + "-- expect --\n" + out, ""
	case phrase == "":
		return text, "unexpected error: " + err.Error()
	case !strings.Contains(err.Error(), phrase):
		return text, "the real error says: " + err.Error()
	}
	return given, ""
}
