// Command cel-oracle evaluates one-line CEL cases with cel-go in the environments Kubernetes and Flux build,
// and prints them back with what upstream answers. `cel-oracle dump` prints the function declarations.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/ext"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/common"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/apiserver/pkg/cel/library"
	"k8s.io/apiserver/pkg/cel/openapi"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// place is one environment with its variables, built from a case file's `#!` header lines.
type place struct {
	env   *cel.Env
	vars  map[string]any
	parse bool
}

func fluxEnv(opts ...cel.EnvOption) (*cel.Env, error) {
	return cel.NewEnv(append([]cel.EnvOption{
		cel.HomogeneousAggregateLiterals(), cel.EagerlyValidateDeclarations(true), cel.DefaultUTCTimeZone(true),
		cel.CrossTypeNumericComparisons(true), cel.OptionalTypes(), ext.Strings(), ext.Sets(), ext.Encoders(),
	}, opts...)...)
}

func build(lines []string) (*place, error) {
	p := &place{vars: map[string]any{}}
	kind, opts := "flux", []cel.EnvOption{}
	var decls []*apiservercel.DeclType
	for _, l := range lines {
		word, rest, _ := strings.Cut(l, " ")
		switch word {
		case "env":
			kind = rest
		case "parsed":
			p.parse = true
		case "dyn":
			name, text, _ := strings.Cut(rest, " ")
			var v any
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				return nil, err
			}
			opts = append(opts, cel.Variable(name, cel.DynType))
			p.vars[name] = ints(v)
		case "self":
			schemaText, text, _ := strings.Cut(rest, " => ")
			var s spec.Schema
			if err := json.Unmarshal([]byte(schemaText), &s); err != nil {
				return nil, err
			}
			var v any
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				return nil, err
			}
			d := openapi.SchemaDeclType(&s, false)
			d = d.MaybeAssignTypeName("selfType.X")
			decls = append(decls, d)
			opts = append(opts, cel.Variable("self", d.CelType()), cel.Variable("oldSelf", d.CelType()))
			p.vars["self"] = common.UnstructuredToVal(ints(v), &openapi.Schema{Schema: &s})
			p.vars["oldSelf"] = p.vars["self"]
		}
	}
	var err error
	if kind == "flux" {
		p.env, err = fluxEnv(opts...)
		return p, err
	}
	set, err := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()).Extend(environment.VersionedOptions{
		IntroducedVersion: environment.DefaultCompatibilityVersion(), EnvOptions: opts, DeclTypes: decls})
	if err != nil {
		return nil, err
	}
	p.env = set.StoredExpressionsEnv()
	return p, nil
}

// ints turns whole JSON numbers into int64, as the API server's decoder does.
func ints(v any) any {
	switch t := v.(type) {
	case float64:
		if t == float64(int64(t)) {
			return int64(t)
		}
	case []any:
		for i := range t {
			t[i] = ints(t[i])
		}
	case map[string]any:
		for k := range t {
			t[k] = ints(t[k])
		}
	}
	return v
}

func text(v ref.Val) string {
	switch t := v.(type) {
	case types.Int:
		return fmt.Sprint(int64(t))
	case types.Uint:
		return fmt.Sprint(uint64(t)) + "u"
	case types.Double:
		return "double(" + strconv.FormatFloat(float64(t), 'g', -1, 64) + ")"
	case types.String:
		return strconv.Quote(string(t))
	case types.Bytes:
		return "b" + strconv.Quote(string(t))
	case types.Bool:
		return fmt.Sprint(bool(t))
	case types.Null:
		return "null"
	case types.Timestamp:
		return "timestamp(" + t.Time.UTC().Format(time.RFC3339Nano) + ")"
	case types.Duration:
		return "duration(" + t.Duration.String() + ")"
	case *types.Optional:
		if t.HasValue() {
			return "optional.of(" + text(t.GetValue()) + ")"
		}
		return "optional.none()"
	case *types.Type:
		return "type(" + t.TypeName() + ")"
	case traits.Lister:
		var out []string
		for it := t.Iterator(); it.HasNext() == types.True; {
			out = append(out, text(it.Next()))
		}
		return "[" + strings.Join(out, ", ") + "]"
	case traits.Mapper:
		var out []string
		for it := t.Iterator(); it.HasNext() == types.True; {
			k := it.Next()
			out = append(out, text(k)+": "+text(t.Get(k)))
		}
		sort.Strings(out)
		return "{" + strings.Join(out, ", ") + "}"
	}
	return fmt.Sprintf("%s(%v)", v.Type().TypeName(), v.Value())
}

func (p *place) answer(src string) string {
	flat := func(s string) string { return strings.ReplaceAll(s, "\n", "\\n") }
	var a *cel.Ast
	var iss *cel.Issues
	if p.parse {
		a, iss = p.env.Parse(src)
	} else {
		a, iss = p.env.Compile(src)
	}
	if iss.Err() != nil {
		return "refused " + flat(iss.String())
	}
	prg, err := p.env.Program(a, cel.CostTracking(&library.CostEstimator{}), cel.CostTrackerOptions(), cel.CostLimit(1000000))
	if err != nil {
		return "unplanned " + flat(err.Error())
	}
	out, det, err := prg.Eval(p.vars)
	cost := "?"
	if det != nil && det.ActualCost() != nil {
		cost = fmt.Sprint(*det.ActualCost())
	}
	est := ""
	if !p.parse {
		if e, err := p.env.EstimateCost(a, &library.CostEstimator{SizeEstimator: sizes{}}); err == nil {
			est = fmt.Sprintf(" est %d..%d", e.Min, e.Max)
		}
	}
	if err != nil {
		return "error " + flat(err.Error())
	}
	return fmt.Sprintf("%s : %s cost %s%s", flat(text(out)), cel.FormatCELType(a.OutputType()), cost, est)
}

func main() {
	if len(os.Args) > 1 {
		dump(os.Args[len(os.Args)-1])
		return
	}
	var header []string
	var p *place
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	for in.Scan() {
		line := in.Text()
		if rest, ok := strings.CutPrefix(line, "#! "); ok {
			if p != nil {
				header, p = nil, nil
			}
			header = append(header, rest)
			fmt.Println(line)
			continue
		}
		if line == "" || strings.HasPrefix(line, "# ") {
			fmt.Println(line)
			continue
		}
		if p == nil {
			var err error
			if p, err = build(header); err != nil {
				panic(err)
			}
		}
		src, _, _ := strings.Cut(line, " ==> ")
		fmt.Println(src + " ==> " + p.answer(src))
	}
}

func dump(kind string) {
	p, err := build([]string{"env " + kind})
	if err != nil {
		panic(err)
	}
	var names []string
	for n := range p.env.Functions() {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		for _, o := range p.env.Functions()[n].OverloadDecls() {
			style := "f"
			if o.IsMemberFunction() {
				style = "m"
			}
			var args []string
			for _, a := range o.ArgTypes() {
				args = append(args, cel.FormatCELType(a))
			}
			fmt.Printf("%s\t%s\t%s\t%s\t%s\n", n, o.ID(), style, strings.Join(args, "; "), cel.FormatCELType(o.ResultType()))
		}
	}
}
