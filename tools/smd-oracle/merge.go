package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
	"sigs.k8s.io/structured-merge-diff/v6/value"
)

// parser reads the context's "types", in upstream's own form, with the two untyped types behind them.
func parser(context object) (*typed.Parser, error) {
	types, _ := context["types"].([]any)
	all := append(append([]any{}, types...), untyped...)
	text, err := json.Marshal(object{"types": all})
	if err != nil {
		return nil, err
	}
	return typed.NewParser(typed.YAMLObject(text))
}

func named(name string) object { return object{"namedType": name} }

func untypedType(name, element, relation string) object {
	return object{
		"name":   name,
		"scalar": "untyped",
		"list":   object{"elementType": named("__untyped_atomic_"), "elementRelationship": "atomic"},
		"map":    object{"elementType": named(element), "elementRelationship": relation},
	}
}

var untyped = []any{
	untypedType("__untyped_atomic_", "__untyped_atomic_", "atomic"),
	untypedType("__untyped_deduced_", "__untyped_deduced_", "separable"),
}

func fieldSet(value any) (*fieldpath.Set, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	set := fieldpath.NewSet()
	return set, set.FromJSON(bytes.NewReader(text))
}

// setText is the set in upstream's bytes.
func setText(set *fieldpath.Set) (any, error) {
	text, err := set.ToJSON()
	return string(text), err
}

func answerMerge(context, question object) (any, error) {
	parser, err := parser(context)
	if err != nil {
		return nil, err
	}
	kind := parser.Type(text(context["type"]))
	value := func(name string, options ...typed.ValidationOptions) (*typed.TypedValue, error) {
		return kind.FromUnstructured(question[name], options...)
	}
	switch question["do"] {
	case "validate":
		_, err := value("value")
		return "valid", err
	case "validate stored":
		_, err := value("value", typed.AllowDuplicates)
		return "valid", err
	case "field set":
		of, err := value("value", typed.AllowDuplicates)
		if err != nil {
			return nil, err
		}
		set, err := of.ToFieldSet()
		if err != nil {
			return nil, err
		}
		return setText(set)
	case "merge":
		live, err := value("live", typed.AllowDuplicates)
		if err != nil {
			return nil, err
		}
		applied, err := value("applied")
		if err != nil {
			return nil, err
		}
		merged, err := live.Merge(applied)
		if err != nil {
			return nil, err
		}
		return merged.AsValue().Unstructured(), nil
	case "compare":
		return compare(value)
	case "remove", "extract":
		return sel(question, value)
	case "reconcile":
		of, err := value("value", typed.AllowDuplicates)
		if err != nil {
			return nil, err
		}
		set, err := fieldSet(question["fields"])
		if err != nil {
			return nil, err
		}
		reconciled, err := typed.ReconcileFieldSetWithSchema(set, of)
		if err != nil || reconciled == nil {
			return nil, err
		}
		return setText(reconciled)
	case "path":
		set, err := fieldSet(question["fields"])
		if err != nil {
			return nil, err
		}
		return set.String(), nil
	}
	return answerSets(kind, question)
}

func compare(value func(string, ...typed.ValidationOptions) (*typed.TypedValue, error)) (any, error) {
	old, err := value("old", typed.AllowDuplicates)
	if err != nil {
		return nil, err
	}
	new, err := value("new", typed.AllowDuplicates)
	if err != nil {
		return nil, err
	}
	comparison, err := old.Compare(new)
	if err != nil {
		return nil, err
	}
	out := object{}
	for name, set := range map[string]*fieldpath.Set{
		"removed": comparison.Removed, "modified": comparison.Modified, "added": comparison.Added,
	} {
		if out[name], err = setText(set); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func sel(question object, value func(string, ...typed.ValidationOptions) (*typed.TypedValue, error)) (any, error) {
	of, err := value("value", typed.AllowDuplicates)
	if err != nil {
		return nil, err
	}
	set, err := fieldSet(question["fields"])
	if err != nil {
		return nil, err
	}
	if question["do"] == "remove" {
		return of.RemoveItems(set).AsValue().Unstructured(), nil
	}
	return of.ExtractItems(set).AsValue().Unstructured(), nil
}

func answerSets(kind typed.ParseableType, question object) (any, error) {
	a, err := fieldSet(question["a"])
	if err != nil {
		return nil, err
	}
	b := fieldpath.NewSet()
	if question["b"] != nil {
		if b, err = fieldSet(question["b"]); err != nil {
			return nil, err
		}
	}
	switch question["do"] {
	case "union":
		return setText(a.Union(b))
	case "intersection":
		return setText(a.Intersection(b))
	case "difference":
		return setText(a.Difference(b))
	case "recursive difference":
		return setText(a.RecursiveDifference(b))
	case "leaves":
		return setText(a.Leaves())
	case "named fields":
		return setText(a.EnsureNamedFieldsAreMembers(kind.Schema, kind.TypeRef))
	case "read":
		return setText(a)
	}
	return nil, fmt.Errorf("unknown question %v", question["do"])
}

var _ = value.Equals
