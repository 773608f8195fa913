// Command apitypes writes what the schema crate knows of Kubernetes' built-in types: the table of types and resources,
// and the golden bodies that its tests are held against.
//
// Usage: apitypes -reference DIR -table FILE -goldens FILE
//
//	apitypes -kubeconfig FILE -cases FILE -rules FILE
//
// DIR holds a real API server's discovery, OpenAPI v3 documents and table columns. Descriptions are never written.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"log"
	"os"
	"sort"
)

func main() {
	reference := flag.String("reference", "", "directory of recorded discovery, openapi-v3 and tables.json")
	table := flag.String("table", "", "file to write the table of types to")
	goldens := flag.String("goldens", "", "file to write the golden bodies to")
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig of a real API server to record rules from")
	cases := flag.String("cases", "", "file of objects to create and change there")
	rules := flag.String("rules", "", "file to write its answers to")
	flag.Parse()
	if *rules != "" {
		record(*kubeconfig, *cases, *rules)
	}
	if *table != "" {
		t := reflectTypes()
		joinOpenAPI(t, *reference)
		t.Resources = readResources(*reference)
		writeTable(*table, t)
	}
	if *goldens != "" {
		writeGzip(*goldens, mustJSON(makeGoldens()))
	}
}

// writeTable writes one type and one resource per line, so that a new Kubernetes shows as a readable difference.
func writeTable(path string, t *Table) {
	var b bytes.Buffer
	b.WriteString("{\"types\":{\n")
	names := make([]string, 0, len(t.Types))
	for name := range t.Types {
		names = append(names, name)
	}
	sort.Strings(names)
	for i, name := range names {
		b.Write(mustJSON(name))
		b.WriteByte(':')
		b.Write(mustJSON(t.Types[name]))
		if i < len(names)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("},\"kinds\":")
	b.Write(mustJSON(t.Kinds))
	b.WriteString(",\n\"resources\":[\n")
	for i, r := range t.Resources {
		b.Write(mustJSON(r))
		if i < len(t.Resources)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("]}\n")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

func writeGzip(path string, data []byte) {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if _, err := w.Write(data); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

func mustJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		log.Fatal(err)
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
