// Command kustomize-oracle answers what the real kustomize and the real Flux package do.
//
// It reads one JSON request per line on standard input and writes one JSON answer per line on standard output,
// so that a caller pays for its start once. `kustomize-oracle derive FILE…` rewrites the expectations of committed cases;
// `schema` and `fieldspecs` print the tables that crates/kustomize carries.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fluxcd/pkg/kustomize"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/api/resmap"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/yaml"
)

// Request is one question.
type Request struct {
	// Op is cli, flux, yaml (text through sigs.k8s.io/yaml) or kyaml (text through kyaml, as a resource is read).
	Op string `json:"op"`
	// Files by their path, and Path, the directory to build.
	Files map[string]string `json:"files,omitempty"`
	Path  string            `json:"path,omitempty"`
	// Spec is a Kustomization's spec; Strict and Always belong to its post-build substitution.
	Spec   map[string]any `json:"spec,omitempty"`
	Strict bool           `json:"strict,omitempty"`
	Always bool           `json:"always,omitempty"`
	// Text for yaml and kyaml.
	Text string `json:"text,omitempty"`
}

// Answer holds the output or the error, never both.
type Answer struct {
	Out string `json:"out"`
	Err string `json:"err,omitempty"`
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "derive" {
		os.Exit(derive(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == "schema" {
		schemaTable()
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "fieldspecs" {
		if err := fieldSpecs(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	in := bufio.NewReader(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			var request Request
			answer := Answer{}
			if err := json.Unmarshal(line, &request); err != nil {
				answer.Err = err.Error()
			} else if text, err := serve(request); err != nil {
				answer.Err = err.Error()
			} else {
				answer.Out = text
			}
			if err := out.Encode(answer); err != nil {
				os.Exit(1)
			}
		}
		if err != nil {
			return
		}
	}
}

func serve(request Request) (text string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	switch request.Op {
	case "cli":
		return cli(request)
	case "flux":
		return flux(request)
	case "yaml":
		j, err := yaml.YAMLToJSON([]byte(request.Text))
		if err != nil {
			return "", err
		}
		y, err := yaml.JSONToYAML(j)
		return string(y), err
	case "kyaml":
		resources, err := provider.NewDefaultDepProvider().GetResourceFactory().SliceFromBytes([]byte(request.Text))
		if err != nil {
			return "", err
		}
		m := resmap.New()
		for _, r := range resources {
			if err := m.Append(r); err != nil {
				return "", err
			}
		}
		return asYaml(m)
	}
	return "", fmt.Errorf("unknown op %q", request.Op)
}

func asYaml(m resmap.ResMap) (string, error) {
	b, err := m.AsYaml()
	return string(b), err
}

func cli(request Request) (string, error) {
	fs := filesys.MakeFsInMemory()
	for path, content := range request.Files {
		if err := fs.WriteFile("/"+path, []byte(content)); err != nil {
			return "", err
		}
	}
	openapi.ResetOpenAPI()
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionUnspecified
	options.LoadRestrictions = kustypes.LoadRestrictionsNone
	m, err := krusty.MakeKustomizer(options).Run(fs, "/"+request.Path)
	if err != nil {
		return "", err
	}
	return asYaml(m)
}

func flux(request Request) (string, error) {
	root, err := os.MkdirTemp("", "oracle")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(root)
	root, err = filepath.EvalSymlinks(root)
	if err != nil {
		return "", err
	}
	for path, content := range request.Files {
		at := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(at, []byte(content), 0o644); err != nil {
			return "", err
		}
	}
	dir := filepath.Join(root, request.Path)
	object := unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
		"metadata": map[string]any{"name": "case", "namespace": "default"}, "spec": request.Spec,
	}}
	if _, err := kustomize.NewGenerator(root, object).WriteFile(dir); err != nil {
		return "", err
	}
	m, err := kustomize.SecureBuild(root, dir, false)
	if err != nil {
		return "", err
	}
	for _, r := range m.Resources() {
		after, err := kustomize.SubstituteVariables(context.Background(), nil, object, r,
			kustomize.SubstituteWithStrict(request.Strict), kustomize.SubstituteWithAlways(request.Always), kustomize.SubstituteWithDryRun(true))
		if err != nil {
			return "", fmt.Errorf("post build failed for '%s': %w", r.GetName(), err)
		}
		if after != nil {
			if _, err := m.Replace(after); err != nil {
				return "", err
			}
		}
	}
	return asYaml(m)
}
