package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// start tells times that upstream took from the clock from those that this program gave.
var (
	start = time.Now().Add(-time.Hour)
	base  = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
)

// stored is an object that keeps its managedFields as built-in kinds do, whose bytes are upstream's; an unstructured one sorts them.
type stored struct {
	*unstructured.Unstructured
	managed []metav1.ManagedFieldsEntry
}

func (s *stored) GetManagedFields() []metav1.ManagedFieldsEntry        { return s.managed }
func (s *stored) SetManagedFields(managed []metav1.ManagedFieldsEntry) { s.managed = managed }

func (s *stored) DeepCopyObject() runtime.Object {
	return &stored{s.Unstructured.DeepCopy(), append([]metav1.ManagedFieldsEntry(nil), s.managed...)}
}

// store takes metadata.managedFields out of an object's content.
func store(content object) (*stored, error) {
	out := &stored{Unstructured: &unstructured.Unstructured{Object: content}}
	metadata, _ := content["metadata"].(object)
	entries, ok := metadata["managedFields"]
	if !ok {
		return out, nil
	}
	delete(metadata, "managedFields")
	text, err := json.Marshal(entries)
	if err != nil {
		return nil, err
	}
	return out, json.Unmarshal(text, &out.managed)
}

// world is the kind of the context: its types by version, all unstructured, converted by changing apiVersion.
type world struct {
	parser *typed.Parser
	types  object
	empty  object
}

func (w *world) ObjectToTyped(of runtime.Object, options ...typed.ValidationOptions) (*typed.TypedValue, error) {
	gvk := of.GetObjectKind().GroupVersionKind()
	name, ok := w.types[gvk.GroupVersion().String()].(string)
	if !ok {
		return nil, fmt.Errorf("no type for %v", gvk)
	}
	return w.parser.Type(name).FromUnstructured(of.(runtime.Unstructured).UnstructuredContent(), options...)
}

func (w *world) TypedToObject(of *typed.TypedValue) (runtime.Object, error) {
	content, ok := of.AsValue().Unstructured().(object)
	if !ok {
		return nil, errors.New("no object")
	}
	return &stored{Unstructured: &unstructured.Unstructured{Object: content}}, nil
}

func (w *world) Convert(in, out, context any) error { return errors.New("not used") }

func (w *world) ConvertFieldLabel(gvk schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}

func (w *world) ConvertToVersion(in runtime.Object, target runtime.GroupVersioner) (runtime.Object, error) {
	gvk, _ := target.KindForGroupVersionKinds([]schema.GroupVersionKind{in.GetObjectKind().GroupVersionKind()})
	if _, ok := w.types[gvk.GroupVersion().String()]; !ok {
		return nil, runtime.NewNotRegisteredErrForKind("world", gvk)
	}
	out := in.DeepCopyObject()
	out.GetObjectKind().SetGroupVersionKind(gvk)
	return out, nil
}

func (w *world) Default(runtime.Object) {}

func (w *world) New(kind schema.GroupVersionKind) (runtime.Object, error) {
	out := (&unstructured.Unstructured{Object: w.empty}).DeepCopy()
	out.SetGroupVersionKind(kind)
	return &stored{Unstructured: out}, nil
}

// answerManaged runs the steps of a case one after the other on one object and tells what it is after each.
func answerManaged(context, question object) (any, error) {
	if question["do"] == "scale" {
		return answerScale(question)
	}
	parser, err := parser(context)
	if err != nil {
		return nil, err
	}
	w := &world{parser: parser, types: context["versions"].(object)}
	w.empty, _ = context["empty"].(object)
	if w.empty == nil {
		w.empty = object{}
	}
	var live *stored
	if given, ok := question["live"].(object); ok {
		if live, err = store(given); err != nil {
			return nil, err
		}
	}
	var answers []any
	for i, one := range question["steps"].([]any) {
		after, err := w.step(context, live, one.(object))
		if err != nil {
			answers = append(answers, refusal(err))
			continue
		}
		answers = append(answers, told(after, i))
		after.SetUID("u")
		live = after
	}
	return answers, nil
}

func (w *world) step(context object, live *stored, step object) (*stored, error) {
	version := text(step["version"])
	if version == "" {
		version = text(step["object"].(object)["apiVersion"])
	}
	kind := schema.FromAPIVersionAndKind(version, text(context["kind"]))
	manager, err := w.manager(context, kind, text(step["subresource"]))
	if err != nil {
		return nil, err
	}
	if live == nil {
		empty, _ := w.New(kind)
		live = empty.(*stored)
	} else {
		live = live.DeepCopyObject().(*stored)
		live.SetAPIVersion(version)
	}
	var out runtime.Object
	if step["do"] == "apply" {
		given := &unstructured.Unstructured{Object: step["object"].(object)}
		out, err = manager.Apply(live, given, text(step["manager"]), step["force"] == true)
	} else {
		var given *stored
		if given, err = store(step["object"].(object)); err != nil {
			return nil, err
		}
		out = manager.UpdateNoErrors(live, given, text(step["manager"]))
	}
	if err != nil {
		return nil, err
	}
	return out.(*stored), nil
}

func (w *world) manager(context object, kind schema.GroupVersionKind, subresource string) (*managedfields.FieldManager, error) {
	reset := map[fieldpath.APIVersion]fieldpath.Filter{}
	if all, ok := context["reset"].(object); ok {
		if of, ok := all[subresource].(object); ok {
			set, err := fieldSet(of)
			if err != nil {
				return nil, err
			}
			for version := range w.types {
				reset[fieldpath.APIVersion(version)] = fieldpath.NewExcludeSetFilter(set)
			}
		}
	}
	return managedfields.NewDefaultCRDFieldManager(w, w, w, w, kind, kind.GroupVersion(), subresource, reset)
}

func refusal(err error) object {
	out := object{"error": err.Error()}
	var status *apierrors.StatusError
	if errors.As(err, &status) {
		out["code"] = status.ErrStatus.Code
		causes := []any{}
		if details := status.ErrStatus.Details; details != nil {
			// Go's maps have no order; ours has.
			sort.SliceStable(details.Causes, func(i, j int) bool { return details.Causes[i].Message < details.Causes[j].Message })
			for _, cause := range details.Causes {
				causes = append(causes, []any{string(cause.Type), cause.Message, cause.Field})
			}
		}
		out["causes"] = causes
	}
	return out
}

// told gives the object and, in upstream's bytes, its managedFields; a time of the clock becomes the step's.
func told(after *stored, step int) object {
	at := metav1.NewTime(base.Add(time.Duration(step) * time.Minute))
	for i := range after.managed {
		if after.managed[i].Time != nil && after.managed[i].Time.After(start) {
			after.managed[i].Time = &at
		}
	}
	var managed bytes.Buffer
	encoder := json.NewEncoder(&managed)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(after.managed)
	shown := after.DeepCopyObject().(*stored)
	return object{"object": shown.Object, "managedFields": string(bytes.TrimSpace(managed.Bytes()))}
}

// answerScale tells a parent's owners as a Scale's and, with what became of those, the parent's again.
func answerScale(question object) (any, error) {
	mappings := managedfields.ResourcePathMappings{}
	for version, names := range question["replicas"].(object) {
		mappings[version] = nil
		if names, ok := names.([]any); ok {
			path, err := fieldpath.MakePath(names...)
			if err != nil {
				return nil, err
			}
			mappings[version] = path
		}
	}
	parent, err := entries(question["parent"])
	if err != nil {
		return nil, err
	}
	after, err := entries(question["scale"])
	if err != nil {
		return nil, err
	}
	version, err := schema.ParseGroupVersion(text(question["version"]))
	if err != nil {
		return nil, err
	}
	handler := managedfields.NewScaleHandler(parent, version, mappings)
	toScale, err := handler.ToSubresource()
	if err != nil {
		return nil, err
	}
	toParent, err := handler.ToParent(after)
	if err != nil {
		return nil, err
	}
	return object{"scale": toScale, "parent": toParent}, nil
}

func entries(value any) ([]metav1.ManagedFieldsEntry, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var out []metav1.ManagedFieldsEntry
	return out, json.Unmarshal(text, &out)
}
