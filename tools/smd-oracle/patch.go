package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sort"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// kinds are those whose strategic merge patches are asked for.
var kinds = map[string]any{
	"Deployment": appsv1.Deployment{},
	"Pod":        corev1.Pod{},
	"Service":    corev1.Service{},
	"ConfigMap":  corev1.ConfigMap{},
}

func init() { jsonpatch.AccumulatedCopySizeLimit = 3 * 1024 * 1024 }

func answerPatch(context, question object) (any, error) {
	switch question["do"] {
	case "json":
		return answerJSON(question)
	case "merge":
		document, patch, err := texts(question)
		if err != nil {
			return nil, err
		}
		out, err := jsonpatch.MergePatch(document, patch)
		return decoded(out, err)
	case "strategic":
		of, ok := kinds[text(question["kind"])]
		if !ok {
			return nil, fmt.Errorf("unknown kind %v", question["kind"])
		}
		out, err := strategicpatch.StrategicMergeMapPatch(question["document"].(object), question["patch"].(object), of)
		return any(map[string]any(out)), err
	case "table":
		return table(), nil
	}
	return nil, fmt.Errorf("unknown question %v", question["do"])
}

func texts(question object) ([]byte, []byte, error) {
	document, err := json.Marshal(question["document"])
	if err != nil {
		return nil, nil, err
	}
	patch, err := json.Marshal(question["patch"])
	return document, patch, err
}

func answerJSON(question object) (any, error) {
	document, patch, err := texts(question)
	if err != nil {
		return nil, err
	}
	operations, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		return nil, err
	}
	out, err := operations.Apply(document)
	return decoded(out, err)
}

func decoded(text []byte, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	var out any
	return out, json.Unmarshal(text, &out)
}

// table tells, of every type below the kinds, what patches need to know: Go's kind, name, element and tagged fields.
func table() any {
	types := object{}
	roots := object{}
	for name, of := range kinds {
		roots[name] = describe(reflect.TypeOf(of), types)
	}
	return object{"roots": roots, "types": types}
}

func describe(of reflect.Type, types object) string {
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	id := of.String()
	if _, ok := types[id]; ok {
		return id
	}
	entry := object{"kind": of.Kind().String(), "name": of.Name()}
	types[id] = entry
	switch of.Kind() {
	case reflect.Slice:
		entry["element"] = describe(of.Elem(), types)
	case reflect.Struct:
		fields := []any{}
		collect(of, types, &fields)
		sort.Slice(fields, func(i, j int) bool { return text(fields[i].([]any)[0]) < text(fields[j].([]any)[0]) })
		entry["fields"] = fields
	}
	return id
}

func collect(of reflect.Type, types object, fields *[]any) {
	for i := range of.NumField() {
		field := of.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-" || (!field.IsExported() && !field.Anonymous):
		case name == "" && field.Anonymous && field.Type.Kind() == reflect.Struct:
			collect(field.Type, types, fields)
		case name != "":
			*fields = append(*fields, []any{
				name, describe(field.Type, types), field.Tag.Get("patchStrategy"), field.Tag.Get("patchMergeKey"),
			})
		}
	}
}
