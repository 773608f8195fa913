package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"log"
	"reflect"
	"sort"
	"strings"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	serializerjson "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Goldens are what the crate's tests compare with.
type Goldens struct {
	// Bodies are filled objects of every kind.
	Bodies []Body `json:"bodies"`
	// Quantities are texts and their canonical form, or the error.
	Quantities [][2]string `json:"quantities"`
	// Times are texts and their canonical form as Time and as MicroTime; empty where refused.
	Times [][3]string `json:"times"`
	// Decodes are bodies and what a strict decoder says of them.
	Decodes []Decode `json:"decodes"`
}

// Body is one object in several writings.
type Body struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Proto      []byte          `json:"proto"`
	JSON       json.RawMessage `json:"json"`
	// Hollow is JSON with every scalar zero and every container empty, Round what a server stores of it.
	Hollow json.RawMessage `json:"hollow"`
	Round  json.RawMessage `json:"round"`
}

// Decode is a body, and what came of it.
type Decode struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Body       string `json:"body"`
	// Error is that of a lenient decoder, Strict that of a strict one.
	Error  string          `json:"error"`
	Strict string          `json:"strict"`
	Object json.RawMessage `json:"object"`
}

func makeGoldens() *Goldens {
	scheme := newScheme()
	strict := serializerjson.NewSerializerWithOptions(serializerjson.DefaultMetaFactory, scheme, scheme, serializerjson.SerializerOptions{Strict: true})
	plain := serializerjson.NewSerializerWithOptions(serializerjson.DefaultMetaFactory, scheme, scheme, serializerjson.SerializerOptions{})
	proto := protobuf.NewSerializer(scheme, scheme)
	g := &Goldens{}
	var gvks []schema.GroupVersionKind
	for gvk, typ := range scheme.AllKnownTypes() {
		if gvk.Version == runtime.APIVersionInternal || (typ.PkgPath() == metaPackage && gvk.Group != "meta.k8s.io") {
			continue
		}
		gvks = append(gvks, gvk)
	}
	sort.Slice(gvks, func(i, j int) bool { return gvks[i].String() < gvks[j].String() })
	for _, gvk := range gvks {
		obj, err := scheme.New(gvk)
		if err != nil {
			log.Fatal(err)
		}
		isList := strings.HasSuffix(gvk.Kind, "List")
		if isList {
			continue
		}
		fill(reflect.ValueOf(obj).Elem(), gvk.Kind, 0, map[reflect.Type]int{})
		obj.GetObjectKind().SetGroupVersionKind(gvk)
		b := Body{APIVersion: gvk.GroupVersion().String(), Kind: gvk.Kind}
		var pb bytes.Buffer
		if err := proto.Encode(obj, &pb); err != nil {
			log.Printf("%s has no protobuf: %v", gvk, err)
			continue
		}
		b.Proto = pb.Bytes()
		b.JSON = mustJSON(obj)
		var tree any
		if err := json.Unmarshal(b.JSON, &tree); err != nil {
			log.Fatal(err)
		}
		top := tree.(map[string]any)
		hollowed := map[string]any{}
		for k, v := range top {
			if k == "apiVersion" || k == "kind" {
				hollowed[k] = v
			} else {
				hollowed[k] = hollow(v)
			}
		}
		b.Hollow = mustJSON(hollowed)
		if out, _, err := plain.Decode(b.Hollow, &gvk, nil); err == nil {
			b.Round = mustJSON(stored(proto, out, gvk))
		} else {
			log.Printf("%s: hollow refused: %v", gvk, err)
			b.Hollow = nil
		}
		g.Bodies = append(g.Bodies, b)
	}
	for _, q := range quantities {
		var parsed resource.Quantity
		out := ""
		if err := parsed.UnmarshalJSON(mustJSON(q)); err != nil {
			out = "error: " + err.Error()
		} else {
			out = strings.Trim(string(mustJSON(parsed)), `"`)
		}
		g.Quantities = append(g.Quantities, [2]string{q, out})
	}
	for _, t := range times {
		var a metav1.Time
		var m metav1.MicroTime
		one, two := "", ""
		if a.UnmarshalJSON(mustJSON(t)) == nil {
			one = strings.Trim(string(mustJSON(a)), `"`)
		}
		if m.UnmarshalJSON(mustJSON(t)) == nil {
			two = strings.Trim(string(mustJSON(m)), `"`)
		}
		g.Times = append(g.Times, [3]string{t, one, two})
	}
	for _, body := range decodes {
		d := Decode{Body: body}
		out, gvk, err := plain.Decode([]byte(body), nil, nil)
		if gvk != nil {
			d.APIVersion, d.Kind = gvk.GroupVersion().String(), gvk.Kind
		}
		if err != nil {
			d.Error = err.Error()
		} else {
			d.Object = mustJSON(stored(proto, out, *gvk))
		}
		if _, _, err := strict.Decode([]byte(body), nil, nil); err != nil {
			d.Strict = err.Error()
		}
		g.Decodes = append(g.Decodes, d)
	}
	return g
}

// stored is the object as a server has it after writing it to its storage and reading it back.
func stored(proto *protobuf.Serializer, obj runtime.Object, gvk schema.GroupVersionKind) runtime.Object {
	var b bytes.Buffer
	if err := proto.Encode(obj, &b); err != nil {
		log.Fatal(err)
	}
	back, _, err := proto.Decode(b.Bytes(), &gvk, nil)
	if err != nil {
		log.Fatal(err)
	}
	back.GetObjectKind().SetGroupVersionKind(gvk)
	return back
}

// hollow keeps the shape and empties what is in it.
func hollow(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[k] = hollow(e)
		}
		return out
	case []any:
		out := []any{}
		if len(v) > 0 {
			if _, ok := v[0].(map[string]any); ok {
				out = append(out, hollow(v[0]))
			}
		}
		return out
	case string:
		if _, err := time.Parse(time.RFC3339, v); err == nil {
			return nil
		}
		if _, err := time.ParseDuration(v); err == nil {
			return "0"
		}
		if strings.HasSuffix(v, "Mi") {
			return nil
		}
		return ""
	case float64:
		return 0
	case bool:
		return false
	}
	return v
}

// fill sets every field to something that differs from field to field.
func fill(v reflect.Value, path string, depth int, seen map[reflect.Type]int) {
	h := fnv.New32a()
	h.Write([]byte(path))
	n := int64(h.Sum32() % 97)
	switch v.Type() {
	case reflect.TypeFor[resource.Quantity]():
		v.Set(reflect.ValueOf(resource.MustParse(fmt.Sprintf("%dMi", n+1))))
		return
	case reflect.TypeFor[metav1.Time]():
		v.Set(reflect.ValueOf(metav1.Time{Time: time.Unix(1700000000+n, 0).UTC()}))
		return
	case reflect.TypeFor[metav1.MicroTime]():
		v.Set(reflect.ValueOf(metav1.MicroTime{Time: time.Unix(1700000000+n, 123456000).UTC()}))
		return
	case reflect.TypeFor[metav1.Duration]():
		v.Set(reflect.ValueOf(metav1.Duration{Duration: time.Duration(n+1) * time.Second}))
		return
	case reflect.TypeFor[intstr.IntOrString]():
		if n%2 == 0 {
			v.Set(reflect.ValueOf(intstr.FromInt32(int32(n))))
		} else {
			v.Set(reflect.ValueOf(intstr.FromString("25%")))
		}
		return
	case reflect.TypeFor[runtime.RawExtension]():
		v.Set(reflect.ValueOf(runtime.RawExtension{Raw: []byte(fmt.Sprintf(`{"apiVersion":"v1","kind":"X","n":%d}`, n))}))
		return
	case reflect.TypeFor[metav1.FieldsV1]():
		v.Set(reflect.ValueOf(metav1.FieldsV1{Raw: []byte(`{"f:a":{}}`)}))
		return
	case reflect.TypeFor[apiextensionsv1.JSON]():
		v.Set(reflect.ValueOf(apiextensionsv1.JSON{Raw: []byte(`{"a":[1,"b",null]}`)}))
		return
	case reflect.TypeFor[apiextensionsv1.JSONSchemaPropsOrBool]():
		v.Set(reflect.ValueOf(apiextensionsv1.JSONSchemaPropsOrBool{Allows: true, Schema: &apiextensionsv1.JSONSchemaProps{Type: "string"}}))
		return
	case reflect.TypeFor[apiextensionsv1.JSONSchemaPropsOrArray]():
		v.Set(reflect.ValueOf(apiextensionsv1.JSONSchemaPropsOrArray{Schema: &apiextensionsv1.JSONSchemaProps{Type: "integer"}}))
		return
	case reflect.TypeFor[apiextensionsv1.JSONSchemaPropsOrStringArray]():
		v.Set(reflect.ValueOf(apiextensionsv1.JSONSchemaPropsOrStringArray{Property: []string{"a", "b"}}))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("s%d", n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(n - 20)
		if n == 20 {
			v.SetInt(1)
		}
	case reflect.Float64:
		v.SetFloat(float64(n) + 0.5)
	case reflect.Pointer:
		if seen[v.Type().Elem()] > 0 || depth > 9 {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), path, depth+1, seen)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(path))
			return
		}
		if seen[v.Type().Elem()] > 0 || depth > 9 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), path+"0", depth+1, seen)
	case reflect.Map:
		if seen[v.Type().Elem()] > 0 || depth > 9 {
			return
		}
		v.Set(reflect.MakeMap(v.Type()))
		e := reflect.New(v.Type().Elem()).Elem()
		fill(e, path+"k", depth+1, seen)
		k := reflect.New(v.Type().Key()).Elem()
		k.SetString(fmt.Sprintf("k%d", n))
		v.SetMapIndex(k, e)
	case reflect.Struct:
		seen[v.Type()]++
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() || f.Type == reflect.TypeFor[metav1.TypeMeta]() {
				continue
			}
			fill(v.Field(i), path+"."+f.Name, depth+1, seen)
		}
		seen[v.Type()]--
	}
}
