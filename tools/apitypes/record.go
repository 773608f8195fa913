package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"sigs.k8s.io/yaml"
)

// ruleCase is one object to create, and perhaps a change of it to make afterwards.
type ruleCase struct {
	Name   string         `json:"name"`
	Path   string         `json:"path"`
	Object map[string]any `json:"object"`
	// Keep makes it a definition that the cases after it need; it is deleted at the end.
	Keep bool `json:"keep,omitempty"`
	// Update is merged over the created object.
	Update map[string]any `json:"update,omitempty"`
}

// recordedCase is a case and what a real server made of it: the stored object, or the causes of its refusal.
type recordedCase struct {
	ruleCase
	Stored  map[string]any `json:"stored,omitempty"`
	Message string         `json:"message,omitempty"`
	Causes  []any          `json:"causes,omitempty"`
}

type cluster struct {
	server string
	client *http.Client
}

func record(kubeconfig, casesFile, out string) {
	var cases []ruleCase
	data, err := os.ReadFile(casesFile)
	if err != nil {
		log.Fatal(err)
	}
	if err := yaml.Unmarshal(data, &cases); err != nil {
		log.Fatal(err)
	}
	c := connect(kubeconfig)
	recorded := []recordedCase{}
	for _, one := range cases {
		r := recordedCase{ruleCase: one}
		if one.Keep {
			c.send("POST", one.Path, one.Object)
			name := one.Object["metadata"].(map[string]any)["name"].(string)
			defer c.send("DELETE", one.Path+"/"+name, nil)
			time.Sleep(3 * time.Second)
		} else if one.Update == nil {
			r.take(c.send("POST", one.Path+"?dryRun=All&fieldValidation=Strict", one.Object))
		} else {
			_, created := c.send("POST", one.Path, one.Object)
			meta, _ := created["metadata"].(map[string]any)
			name, ok := meta["name"].(string)
			if !ok {
				log.Fatalf("%s: %v", one.Name, created["message"])
			}
			// Controllers may write in between.
			code, answer := http.StatusConflict, map[string]any{}
			for code == http.StatusConflict {
				_, live := c.send("GET", one.Path+"/"+name, nil)
				code, answer = c.send("PUT", one.Path+"/"+name+"?dryRun=All&fieldValidation=Strict", merge(live, one.Update))
			}
			r.take(code, answer)
			c.send("DELETE", one.Path+"/"+name, nil)
		}
		recorded = append(recorded, r)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(recorded); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(out, b.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

func (r *recordedCase) take(code int, answer map[string]any) {
	if code >= 300 {
		r.Message, _ = answer["message"].(string)
		details, _ := answer["details"].(map[string]any)
		r.Causes, _ = details["causes"].([]any)
		return
	}
	meta := answer["metadata"].(map[string]any)
	for _, volatile := range []string{"uid", "creationTimestamp", "resourceVersion", "managedFields", "generation"} {
		delete(meta, volatile)
	}
	r.Stored = answer
}

// merge lays a change over an object; null removes.
func merge(object, change map[string]any) map[string]any {
	for key, value := range change {
		inner, isMap := value.(map[string]any)
		before, wasMap := object[key].(map[string]any)
		switch {
		case value == nil:
			delete(object, key)
		case isMap && wasMap:
			object[key] = merge(before, inner)
		default:
			object[key] = value
		}
	}
	return object
}

func connect(kubeconfig string) *cluster {
	data, err := os.ReadFile(kubeconfig)
	if err != nil {
		log.Fatal(err)
	}
	var config struct {
		Clusters []struct {
			Cluster struct {
				Server string `json:"server"`
			} `json:"cluster"`
		} `json:"clusters"`
		Users []struct {
			User struct {
				Certificate []byte `json:"client-certificate-data"`
				Key         []byte `json:"client-key-data"`
			} `json:"user"`
		} `json:"users"`
	}
	if err := yaml.Unmarshal(data, &config); err != nil {
		log.Fatal(err)
	}
	pair, err := tls.X509KeyPair(config.Users[0].User.Certificate, config.Users[0].User.Key)
	if err != nil {
		log.Fatal(err)
	}
	// The server is the one of loopback that `cargo xtask control-plane up` started.
	transport := &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{pair}, InsecureSkipVerify: true}}
	return &cluster{config.Clusters[0].Cluster.Server, &http.Client{Transport: transport}}
}

func (c *cluster) send(method, path string, body any) (int, map[string]any) {
	req, err := http.NewRequest(method, c.server+path, bytes.NewReader(mustJSON(body)))
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.client.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		log.Fatal(err)
	}
	answer := map[string]any{}
	if err := json.Unmarshal(data, &answer); err != nil {
		log.Fatalf("%s %s: %s", method, path, data)
	}
	return res.StatusCode, answer
}
