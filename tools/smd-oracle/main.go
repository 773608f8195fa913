// Command smd-oracle answers, with upstream's own code, what krm's tests ask: how values merge, who owns which fields, what a patch makes.
//
//	smd-oracle record FILE...   fills in "expect" of every case in the files
//	smd-oracle serve            answers one {"context": …, "case": …} per line of stdin with one line
//
// A file is {"context": {…}, "cases": [{"name": …, "do": …, …, "expect": …}, …]}.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	kjson "k8s.io/apimachinery/pkg/util/json"
)

// object is a decoded JSON object: integers are int64, as the API server has them.
type object = map[string]any

// topics are the families of questions, by the context's "topic".
var topics = map[string]func(context, question object) (any, error){
	"merge":   answerMerge,
	"managed": answerManaged,
	"patch":   answerPatch,
}

func main() {
	var err error
	switch {
	case len(os.Args) > 2 && os.Args[1] == "record":
		for _, file := range os.Args[2:] {
			if err = record(file); err != nil {
				err = fmt.Errorf("%s: %w", file, err)
				break
			}
		}
	case len(os.Args) == 2 && os.Args[1] == "serve":
		err = serve()
	default:
		err = fmt.Errorf("usage: smd-oracle record FILE... | serve")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func record(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var whole object
	if err := kjson.Unmarshal(text, &whole); err != nil {
		return err
	}
	context := whole["context"].(object)
	for _, one := range whole["cases"].([]any) {
		question := one.(object)
		delete(question, "expect")
		// The question is asked on a copy: upstream's code may change what it is given.
		asked, err := copyOf(question)
		if err != nil {
			return err
		}
		question["expect"] = answer(context, asked)
	}
	var out bytes.Buffer
	if err := layOut(&out, whole); err != nil {
		return err
	}
	return os.WriteFile(file, out.Bytes(), 0o644)
}

// layOut writes the context and each case on a line of its own.
func layOut(out *bytes.Buffer, whole object) error {
	line := func(value any) error {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(value); err != nil {
			return err
		}
		out.Truncate(out.Len() - 1)
		return nil
	}
	out.WriteString("{\n\"context\": ")
	if err := line(whole["context"]); err != nil {
		return err
	}
	out.WriteString(",\n\"cases\": [")
	for i, one := range whole["cases"].([]any) {
		if i > 0 {
			out.WriteString(",")
		}
		out.WriteString("\n")
		if err := line(one); err != nil {
			return err
		}
	}
	out.WriteString("\n]\n}\n")
	return nil
}

func serve() error {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for {
		text, err := in.ReadBytes('\n')
		if len(text) == 0 && err != nil {
			return nil
		}
		var asked object
		if err := kjson.Unmarshal(text, &asked); err != nil {
			return err
		}
		if err := encoder.Encode(answer(asked["context"].(object), asked["case"].(object))); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
}

func answer(context, question object) (result any) {
	defer func() {
		if reason := recover(); reason != nil {
			result = object{"panic": fmt.Sprint(reason)}
		}
	}()
	result, err := topics[context["topic"].(string)](context, question)
	if err != nil {
		return object{"error": err.Error()}
	}
	return result
}

func copyOf(value object) (object, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var out object
	return out, kjson.Unmarshal(text, &out)
}

func text(value any) string {
	text, _ := value.(string)
	return text
}
