package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"

	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"
)

// schemaTable prints the list keys of the schema that kustomize embeds, without anything that does not change a merge.
//
// "G apiVersion kind [N]" names a type and its definition, "C apiVersion kind" a cluster-scoped type; "D N field…" lists the fields of a
// definition that lead to a list that is merged: "name@N" for a mapping, "name[key,key]@N" for such a list, "*" for any key.
func schemaTable() {
	root := openapi.Schema()
	interesting := map[string]bool{}
	for changed := true; changed; {
		changed = false
		for name, definition := range root.Definitions {
			if !interesting[name] && len(fields(&definition, interesting)) > 0 {
				interesting[name], changed = true, true
			}
		}
	}
	names := []string{}
	for name := range interesting {
		names = append(names, name)
	}
	sort.Strings(names)
	number := map[string]int{}
	for i, name := range names {
		number[name] = i
	}
	lines := []string{}
	for name, definition := range root.Definitions {
		for _, meta := range typeMetas(definition) {
			line := fmt.Sprintf("G %s %s", meta.APIVersion, meta.Kind)
			if n, found := number[name]; found {
				line += fmt.Sprintf(" %d", n)
			}
			lines = append(lines, line)
			if openapi.IsCertainlyClusterScoped(meta) {
				lines = append(lines, fmt.Sprintf("C %s %s", meta.APIVersion, meta.Kind))
			}
		}
	}
	sort.Strings(lines)
	fmt.Println(strings.Join(lines, "\n"))
	for i, name := range names {
		definition := root.Definitions[name]
		found := fields(&definition, interesting)
		for f, field := range found {
			head, ref, _ := strings.Cut(field, "@")
			if n, known := number[ref]; known {
				found[f] = fmt.Sprintf("%s@%d", head, n)
			} else {
				found[f] = head
			}
		}
		fmt.Printf("D %d %s\n", i, strings.Join(found, " "))
	}
}

func typeMetas(definition spec.Schema) []kyaml.TypeMeta {
	list, _ := definition.Extensions["x-kubernetes-group-version-kind"].([]any)
	result := []kyaml.TypeMeta{}
	for _, item := range list {
		m := item.(map[string]any)
		version := m["version"].(string)
		if group, _ := m["group"].(string); group != "" {
			version = group + "/" + version
		}
		result = append(result, kyaml.TypeMeta{APIVersion: version, Kind: m["kind"].(string)})
	}
	return result
}

func reference(schema *spec.Schema) string {
	return strings.TrimPrefix(schema.Ref.String(), "#/definitions/")
}

func fields(definition *spec.Schema, interesting map[string]bool) []string {
	result := []string{}
	add := func(name string, schema *spec.Schema) {
		resource := openapi.ResourceSchema{Schema: schema}
		strategy, _ := resource.PatchStrategyAndKey()
		merged := false
		for _, one := range strings.Split(strategy, ",") {
			merged = merged || one == "merge"
		}
		isList := len(schema.Type) == 1 && schema.Type[0] == "array"
		switch {
		case isList && merged:
			_, keys := resource.PatchStrategyAndKeyList()
			field := fmt.Sprintf("%s[%s]", name, strings.Join(keys, ","))
			if schema.Items != nil && schema.Items.Schema != nil {
				field += "@" + reference(schema.Items.Schema)
			}
			result = append(result, field)
		case interesting[reference(schema)]:
			result = append(result, name+"@"+reference(schema))
		}
	}
	names := []string{}
	for name := range definition.Properties {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		schema := definition.Properties[name]
		add(name, &schema)
	}
	if definition.AdditionalProperties != nil && definition.AdditionalProperties.Schema != nil {
		add("*", definition.AdditionalProperties.Schema)
	}
	return result
}

// fieldSpecs prints kustomize's default field specs, which it keeps in an internal package: they are read from its source.
func fieldSpecs() error {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kustomize/api").Output()
	if err != nil {
		return err
	}
	paths, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "internal/konfig/builtinpluginconsts/*.go"))
	if err != nil {
		return err
	}
	sort.Strings(paths)
	quoted := regexp.MustCompile("(?s)(\\w+) = `\n(.*?)`( \\+ (\\w+))?")
	texts, tails := map[string]string{}, map[string]string{}
	names := []string{}
	for _, path := range paths {
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, match := range quoted.FindAllStringSubmatch(string(source), -1) {
			names = append(names, match[1])
			texts[match[1]], tails[match[1]] = match[2], match[4]
		}
	}
	for _, name := range names {
		text := texts[name] + texts[tails[name]]
		if strings.HasPrefix(strings.TrimSpace(text), "- ") {
			continue
		}
		var sections map[string][]map[string]any
		if err := yaml.Unmarshal([]byte(text), &sections); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for section, specs := range sections {
			if section == "varReference" {
				continue
			}
			if section != "nameReference" {
				fmt.Printf("[%s]\n", section)
				printSpecs(specs)
				continue
			}
			for _, target := range specs {
				fmt.Printf("[%s %s]\n", section, gvk(target))
				inner := []map[string]any{}
				for _, one := range target["fieldSpecs"].([]any) {
					inner = append(inner, one.(map[string]any))
				}
				printSpecs(inner)
			}
		}
	}
	return nil
}

func gvk(m map[string]any) string {
	part := func(key string) string {
		if text, ok := m[key].(string); ok {
			return text
		}
		return "-"
	}
	return part("group") + " " + part("version") + " " + part("kind")
}

func printSpecs(specs []map[string]any) {
	for _, one := range specs {
		create := ""
		if one["create"] == true {
			create = " create"
		}
		fmt.Printf("%s %s%s\n", one["path"], gvk(one), create)
	}
}
