package main

import (
	"log"
	"reflect"
	"strconv"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	eventsv1 "k8s.io/api/events/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	networkingv1 "k8s.io/api/networking/v1"
	nodev1 "k8s.io/api/node/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	resourcev1 "k8s.io/api/resource/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

// Table is everything that is committed.
type Table struct {
	Types     map[string][]*Field
	Kinds     map[string]string
	Resources []*Resource
}

// Field is one JSON field of a struct, or one inlined struct.
type Field struct {
	// Name is the JSON name; empty for inlined structs.
	Name string `json:"n,omitempty"`
	// Shape is the Go type in the table's grammar, see shapeOf.
	Shape string `json:"t"`
	// Omit is "e" for omitempty, "z" for omitzero, "ez" for both.
	Omit string `json:"o,omitempty"`
	// Number is the protobuf number, 0 where the field is not in protobuf.
	Number int `json:"p,omitempty"`
	// Strategy and MergeKey are those of a strategic merge patch.
	Strategy string `json:"ps,omitempty"`
	MergeKey string `json:"mk,omitempty"`
	// ListType, ListKeys, MapType and Default are OpenAPI's; Default stands at list keys only.
	ListType string   `json:"lt,omitempty"`
	ListKeys []string `json:"lk,omitempty"`
	MapType  string   `json:"mt,omitempty"`
	Default  any      `json:"d,omitempty"`
}

func newScheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		admissionregistrationv1.AddToScheme, appsv1.AddToScheme, authenticationv1.AddToScheme, authorizationv1.AddToScheme,
		autoscalingv1.AddToScheme, autoscalingv2.AddToScheme, batchv1.AddToScheme, certificatesv1.AddToScheme,
		coordinationv1.AddToScheme, corev1.AddToScheme, discoveryv1.AddToScheme, eventsv1.AddToScheme, flowcontrolv1.AddToScheme,
		networkingv1.AddToScheme, nodev1.AddToScheme, policyv1.AddToScheme, rbacv1.AddToScheme, resourcev1.AddToScheme,
		schedulingv1.AddToScheme, storagev1.AddToScheme, apiextensionsv1.AddToScheme, apiregistrationv1.AddToScheme,
	} {
		if err := add(s); err != nil {
			log.Fatal(err)
		}
	}
	// What every group takes and answers stands once, under the group meta.k8s.io.
	meta := schema.GroupVersion{Group: "meta.k8s.io", Version: "v1"}
	s.AddKnownTypes(meta, &metav1.Status{}, &metav1.DeleteOptions{}, &metav1.CreateOptions{}, &metav1.UpdateOptions{},
		&metav1.PatchOptions{}, &metav1.ListOptions{}, &metav1.GetOptions{}, &metav1.PartialObjectMetadata{},
		&metav1.PartialObjectMetadataList{}, &metav1.TableOptions{})
	return s
}

var metaPackage = reflect.TypeFor[metav1.ObjectMeta]().PkgPath()

func reflectTypes() *Table {
	t := &Table{Types: map[string][]*Field{}, Kinds: map[string]string{}}
	for gvk, typ := range newScheme().AllKnownTypes() {
		if gvk.Version == runtime.APIVersionInternal {
			continue
		}
		if typ.PkgPath() == metaPackage && gvk.Group != "meta.k8s.io" {
			continue
		}
		key := gvk.Version + "/" + gvk.Kind
		if gvk.Group != "" {
			key = gvk.Group + "/" + key
		}
		t.Kinds[key] = nameOf(typ)
		t.addStruct(typ)
	}
	return t
}

// nameOf is the type's name in OpenAPI: io.k8s.api.apps.v1.Deployment.
func nameOf(typ reflect.Type) string {
	path := strings.ReplaceAll(typ.PkgPath(), "/", ".")
	return "io.k8s." + strings.TrimPrefix(path, "k8s.io.") + "." + typ.Name()
}

func (t *Table) addStruct(typ reflect.Type) {
	name := nameOf(typ)
	if _, known := t.Types[name]; known {
		return
	}
	fields := []*Field{}
	t.Types[name] = fields
	for i := range typ.NumField() {
		f := typ.Field(i)
		if !f.IsExported() {
			continue
		}
		tag, ok := f.Tag.Lookup("json")
		if !ok && !f.Anonymous {
			log.Fatalf("%s.%s has no json tag", name, f.Name)
		}
		jsonName, options, _ := strings.Cut(tag, ",")
		if jsonName == "-" {
			continue
		}
		field := &Field{Name: jsonName, Shape: t.shapeOf(f.Type)}
		if f.Anonymous && jsonName == "" {
			field.Name = ""
		} else if jsonName == "" {
			if options == "inline" {
				field.Name = ""
			} else {
				log.Fatalf("%s.%s has no json name", name, f.Name)
			}
		}
		for option := range strings.SplitSeq(options, ",") {
			switch option {
			case "omitempty":
				field.Omit += "e"
			case "omitzero":
				field.Omit += "z"
			}
		}
		if proto := f.Tag.Get("protobuf"); proto != "" && proto != "-" {
			parts := strings.Split(proto, ",")
			number, err := strconv.Atoi(parts[1])
			if err != nil {
				log.Fatal(err)
			}
			field.Number = number
		}
		field.Strategy = f.Tag.Get("patchStrategy")
		field.MergeKey = f.Tag.Get("patchMergeKey")
		fields = append(fields, field)
	}
	t.Types[name] = fields
}

var special = map[reflect.Type]string{
	reflect.TypeFor[resource.Quantity]():                            "q",
	reflect.TypeFor[metav1.Time]():                                  "t",
	reflect.TypeFor[metav1.MicroTime]():                             "m",
	reflect.TypeFor[metav1.Duration]():                              "d",
	reflect.TypeFor[intstr.IntOrString]():                           "x",
	reflect.TypeFor[runtime.RawExtension]():                         "r",
	reflect.TypeFor[metav1.FieldsV1]():                              "F",
	reflect.TypeFor[apiextensionsv1.JSON]():                         "j",
	reflect.TypeFor[apiextensionsv1.JSONSchemaPropsOrBool]():        "B",
	reflect.TypeFor[apiextensionsv1.JSONSchemaPropsOrArray]():       "A",
	reflect.TypeFor[apiextensionsv1.JSONSchemaPropsOrStringArray](): "S",
}

type unmarshaler interface{ Unmarshal([]byte) error }

// shapeOf writes a Go type:
//
//	s string, b bool, i int32, l int64, f float64, u uint8, y bytes,
//	q Quantity, t Time, m MicroTime, d Duration, x IntOrString, r RawExtension, F FieldsV1, j JSON,
//	B, A, S JSONSchemaPropsOrBool, -OrArray, -OrStringArray,
//	*X pointer, [X slice, {X map of strings, (X slice that is a protobuf message of its own, :name struct.
//
// A named scalar, slice or map type stands in front, between @ and |, as Go prints it.
func (t *Table) shapeOf(typ reflect.Type) string {
	if s, ok := special[typ]; ok {
		return s
	}
	alias := ""
	if typ.PkgPath() != "" && typ.Kind() != reflect.Struct {
		alias = "@" + typ.String() + "|"
	}
	switch typ.Kind() {
	case reflect.String:
		return alias + "s"
	case reflect.Bool:
		return alias + "b"
	case reflect.Int32:
		return alias + "i"
	case reflect.Int64:
		return alias + "l"
	case reflect.Float64:
		return alias + "f"
	case reflect.Pointer:
		return "*" + t.shapeOf(typ.Elem())
	case reflect.Slice:
		if typ.Elem().Kind() == reflect.Uint8 {
			return alias + "y"
		}
		mark := "["
		if _, ok := reflect.New(typ).Interface().(unmarshaler); ok {
			mark = "("
		}
		return alias + mark + t.shapeOf(typ.Elem())
	case reflect.Map:
		if typ.Key().Kind() != reflect.String {
			log.Fatalf("map by %s", typ.Key())
		}
		return alias + "{" + t.shapeOf(typ.Elem())
	case reflect.Struct:
		t.addStruct(typ)
		return ":" + nameOf(typ)
	}
	log.Fatalf("no shape for %s", typ)
	return ""
}
