package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/karez/karez/docs"
)

// A spec is docs/openapi.json, with what of JSON Schema it uses. A property
// that a schema does not name is an error here: what is sent is described.
type spec struct {
	Paths map[string]map[string]struct {
		Parameters []struct {
			Ref  string `json:"$ref"`
			Name string
			In   string
		}
		RequestBody *struct{ Content map[string]media }
		Responses   map[string]struct {
			Ref     string `json:"$ref"`
			Content map[string]media
		}
	}
	Components struct {
		Parameters map[string]struct{ Name, In string }
		Responses  map[string]struct{ Content map[string]media }
		Schemas    map[string]*schema
	}
}

type media struct{ Schema *schema }

type schema struct {
	Ref                  string `json:"$ref"`
	Type                 string
	Enum                 []string
	Properties           map[string]*schema
	Required             []string
	Items                *schema
	AdditionalProperties json.RawMessage
	Minimum              *float64
	MaxItems             *int
	// said to people, not checked
	Description, Format, ContentEncoding string
}

func readSpec(t testing.TB) *spec {
	t.Helper()
	s := new(spec)
	if err := json.Unmarshal(docs.OpenAPI, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// check says what of v does not fit sc.
func (s *spec) check(sc *schema, v any, at string) error {
	if sc.Ref != "" {
		next := s.Components.Schemas[strings.TrimPrefix(sc.Ref, "#/components/schemas/")]
		if next == nil {
			return fmt.Errorf("%s: %s is not there", at, sc.Ref)
		}
		return s.check(next, v, at)
	}
	switch sc.Type {
	case "":
		return nil
	case "object":
		return s.checkObject(sc, v, at)
	case "array":
		a, ok := v.([]any)
		if !ok || sc.MaxItems != nil && len(a) > *sc.MaxItems {
			return fmt.Errorf("%s: no array that fits: %v", at, v)
		}
		for i, e := range a {
			if err := s.check(sc.Items, e, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
		return nil
	case "string":
		str, ok := v.(string)
		if !ok || len(sc.Enum) > 0 && !slices.Contains(sc.Enum, str) {
			return fmt.Errorf("%s: no string that fits: %v", at, v)
		}
		return nil
	case "integer":
		n, ok := v.(float64)
		if !ok || n != float64(int64(n)) || sc.Minimum != nil && n < *sc.Minimum {
			return fmt.Errorf("%s: no integer that fits: %v", at, v)
		}
		return nil
	case "boolean":
		if _, ok := v.(bool); !ok {
			return fmt.Errorf("%s: no boolean: %v", at, v)
		}
		return nil
	}
	return fmt.Errorf("%s: this test does not know the type %q", at, sc.Type)
}

func (s *spec) checkObject(sc *schema, v any, at string) error {
	o, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%s: no object: %v", at, v)
	}
	for _, name := range sc.Required {
		if _, ok := o[name]; !ok {
			return fmt.Errorf("%s: %s is missing", at, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		p := sc.Properties[name]
		if p == nil && string(sc.AdditionalProperties) == "true" {
			continue
		}
		if p == nil && sc.AdditionalProperties != nil {
			p = new(schema)
			if err := json.Unmarshal(sc.AdditionalProperties, p); err != nil {
				return err
			}
		}
		if p == nil {
			return fmt.Errorf("%s: %s is not described", at, name)
		}
		if err := s.check(p, o[name], at+"."+name); err != nil {
			return err
		}
	}
	return nil
}

// The validator itself: it finds what does not fit.
func TestValidator(t *testing.T) {
	s := readSpec(t)
	for body, ok := range map[string]bool{
		`{"error":{"code":"busy","message":"x"}}`:                true,
		`{"error":{"code":"busy","message":"x"},"top":3}`:        true,
		`{"error":{"code":"sleepy","message":"x"}}`:              false,
		`{"error":{"code":"busy"}}`:                              false,
		`{"error":{"code":"busy","message":"x","more":1}}`:       false,
		`{"error":{"code":"busy","message":"x"},"top":-1}`:       false,
		`{"error":{"code":"busy","message":"x"},"top":"3"}`:      false,
		`{"error":{"code":"busy","message":"x","retry_in":1.5}}`: false,
		`[]`: false,
	} {
		var v any
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatal(err)
		}
		if err := s.check(s.Components.Schemas["Refusal"], v, "body"); (err == nil) != ok {
			t.Errorf("%s: %v", body, err)
		}
	}
}
