package main

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

type openAPI struct {
	Ref        string             `json:"$ref"`
	AllOf      []openAPI          `json:"allOf"`
	Properties map[string]openAPI `json:"properties"`
	Default    any                `json:"default"`
	ListType   string             `json:"x-kubernetes-list-type"`
	ListKeys   []string           `json:"x-kubernetes-list-map-keys"`
	MapType    string             `json:"x-kubernetes-map-type"`
}

func joinOpenAPI(t *Table, dir string) {
	schemas := map[string]openAPI{}
	files, err := filepath.Glob(filepath.Join(dir, "openapi-v3", "*_v*.json"))
	if err != nil {
		log.Fatal(err)
	}
	for _, file := range files {
		var doc struct {
			Components struct {
				Schemas map[string]openAPI `json:"schemas"`
			} `json:"components"`
		}
		readJSON(file, &doc)
		for name, s := range doc.Components.Schemas {
			schemas[name] = s
		}
	}
	for name, fields := range t.Types {
		s, ok := schemas[name]
		if !ok {
			continue
		}
		t.Types[name] = append([]*Field{}, fields...)
		t.join(name, fields, s)
		if s.MapType == "atomic" {
			// The type's own mark stands as a first nameless field.
			t.Types[name] = append([]*Field{{Shape: "", MapType: s.MapType}}, t.Types[name]...)
		}
	}
	for _, fields := range t.Types {
		for _, f := range fields {
			for _, key := range f.ListKeys {
				element := strings.TrimLeft(f.Shape[strings.Index(f.Shape, "|")+1:], "*[:")
				for _, ef := range t.Types[element] {
					if ef.Name == key {
						ef.Default = schemas[element].Properties[key].Default
					}
				}
			}
		}
	}
}

func (t *Table) join(name string, fields []*Field, s openAPI) {
	for _, f := range fields {
		if f.Name == "" {
			if inner := strings.TrimPrefix(f.Shape, ":"); !strings.HasSuffix(inner, ".TypeMeta") {
				// An inlined struct's fields are properties of the outer schema.
				t.join(name, t.Types[inner], s)
			}
			continue
		}
		p, ok := s.Properties[f.Name]
		if !ok {
			continue
		}
		f.ListType, f.ListKeys, f.MapType = p.ListType, p.ListKeys, p.MapType
	}
}

// Resource is one served resource with its subresources and columns.
type Resource struct {
	Group      string        `json:"g,omitempty"`
	Version    string        `json:"v"`
	Plural     string        `json:"r"`
	Singular   string        `json:"s,omitempty"`
	Kind       string        `json:"k"`
	ListKind   string        `json:"l,omitempty"`
	Namespaced bool          `json:"ns,omitempty"`
	Short      []string      `json:"sn,omitempty"`
	Categories []string      `json:"c,omitempty"`
	Verbs      []string      `json:"vb"`
	Hash       string        `json:"h,omitempty"`
	Subs       []Subresource `json:"sub,omitempty"`
	Columns    [][]any       `json:"col,omitempty"`
	// Reset are the paths that a write of "" or a subresource leaves alone.
	Reset map[string][]string `json:"rs,omitempty"`
}

// Subresource is one subresource: name, group, version and kind of its bodies, verbs.
type Subresource struct {
	Name    string   `json:"n"`
	Group   string   `json:"g,omitempty"`
	Version string   `json:"v"`
	Kind    string   `json:"k"`
	Verbs   []string `json:"vb"`
}

type apiResource struct {
	Name               string   `json:"name"`
	SingularName       string   `json:"singularName"`
	Namespaced         bool     `json:"namespaced"`
	Group              string   `json:"group"`
	Version            string   `json:"version"`
	Kind               string   `json:"kind"`
	Verbs              []string `json:"verbs"`
	ShortNames         []string `json:"shortNames"`
	Categories         []string `json:"categories"`
	StorageVersionHash string   `json:"storageVersionHash"`
}

func readResources(dir string) []*Resource {
	var columns map[string][]struct {
		Name     string `json:"name"`
		Type     string `json:"type"`
		Format   string `json:"format"`
		Priority int    `json:"priority"`
	}
	readJSON(filepath.Join(dir, "tables.json"), &columns)
	files, err := filepath.Glob(filepath.Join(dir, "discovery", "resources", "*.json"))
	if err != nil {
		log.Fatal(err)
	}
	var out []*Resource
	for _, file := range files {
		var list struct {
			GroupVersion string        `json:"groupVersion"`
			Resources    []apiResource `json:"resources"`
		}
		readJSON(file, &list)
		group, version, prefix := "", list.GroupVersion, "/api/"
		if g, v, ok := strings.Cut(list.GroupVersion, "/"); ok {
			group, version, prefix = g, v, "/apis/"
		}
		byName := map[string]*Resource{}
		for _, r := range list.Resources {
			if strings.Contains(r.Name, "/") {
				continue
			}
			res := &Resource{Group: group, Version: version, Plural: r.Name, Singular: r.SingularName, Kind: r.Kind,
				Namespaced: r.Namespaced, Short: r.ShortNames, Categories: r.Categories, Verbs: sorted(r.Verbs), Hash: r.StorageVersionHash}
			for _, verb := range r.Verbs {
				if verb == "list" {
					res.ListKind = r.Kind + "List"
				}
			}
			for _, c := range columns[prefix+list.GroupVersion+"/"+r.Name] {
				res.Columns = append(res.Columns, []any{c.Name, c.Type, c.Format, c.Priority})
			}
			byName[r.Name] = res
			out = append(out, res)
		}
		for _, r := range list.Resources {
			parent, sub, ok := strings.Cut(r.Name, "/")
			if !ok {
				continue
			}
			g, v := r.Group, r.Version
			if v == "" {
				g, v = group, version
			}
			res := byName[parent]
			if res == nil {
				log.Fatalf("%s has no parent", r.Name)
			}
			res.Subs = append(res.Subs, Subresource{sub, g, v, r.Kind, sorted(r.Verbs)})
		}
	}
	for _, res := range out {
		res.Reset = resetFields(res)
	}
	return out
}

// resetFields are the registry strategies' GetResetFields: status on writes of the object, spec on writes of its status,
// and what single kinds add to it.
func resetFields(r *Resource) map[string][]string {
	reset := map[string][]string{}
	for _, sub := range r.Subs {
		if sub.Name == "status" {
			reset[""] = []string{"status"}
			reset["status"] = []string{"spec"}
		}
	}
	switch r.Plural {
	case "deployments":
		reset["status"] = []string{"spec", "metadata.labels"}
	case "pods":
		reset["status"] = []string{"spec", "metadata.deletionTimestamp", "metadata.ownerReferences"}
	case "servicecidrs", "volumeattachments", "resourceclaims", "flowschemas", "prioritylevelconfigurations",
		"validatingadmissionpolicies", "apiservices":
		reset["status"] = []string{"spec", "metadata"}
	case "certificatesigningrequests":
		reset[""] = []string{"spec", "status"}
		reset["status"] = []string{"spec", "status.conditions"}
		reset["approval"] = []string{"spec", "status.certificate"}
	case "namespaces":
		reset["finalize"] = []string{"status"}
	}
	if len(reset) == 0 {
		return nil
	}
	return reset
}

func sorted(in []string) []string {
	out := append([]string{}, in...)
	sort.Strings(out)
	return out
}

func readJSON(path string, into any) {
	data, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		log.Fatalf("%s: %v", path, err)
	}
}
