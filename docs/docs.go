// Package docs carries the documentation inside the binary: the demo provider
// answers from it, and the HTTP API serves its own description.
package docs

import "embed"

// Pages holds every page, as docs/*.md.
//
//go:embed *.md
var Pages embed.FS

// OpenAPI describes the HTTP API, in OpenAPI 3.1.
//
//go:embed openapi.json
var OpenAPI []byte
