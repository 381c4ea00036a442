package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/karez/karez/internal/refusal"
	"github.com/karez/karez/wire"
)

// methods are those that any route under /v1/ has, and PATCH, which people try.
var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch}

// registerUnknown answers what no route under /v1/ of mux takes, whichever
// transport's, as the API answers everything: in JSON.
func (a *API) registerUnknown(mux *http.ServeMux) {
	for _, m := range methods {
		mux.HandleFunc(m+" /v1/", func(w http.ResponseWriter, r *http.Request) { a.unknown(mux, w, r) })
	}
}

func (a *API) unknown(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	e, status := &refusal.Refusal{Code: wire.CodeNotFound, Message: "there is no such route", Hint: "/v1/openapi.json lists them"}, http.StatusNotFound
	if allowed := taken(mux, r); len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		e, status = refusal.Bad("the method "+r.Method+" is not taken here", "use "+strings.Join(allowed, " or ")), http.StatusMethodNotAllowed
	}
	a.write(w, status, errorBody{Error: e.Wire()})
}

// taken lists the methods that a route of mux takes on r's path.
func taken(mux *http.ServeMux, r *http.Request) (out []string) {
	for _, m := range methods {
		other := r.Clone(r.Context())
		other.Method = m
		if _, pattern := mux.Handler(other); pattern != "" && pattern != m+" /v1/" {
			out = append(out, m)
		}
	}
	slices.Sort(out)
	return out
}
