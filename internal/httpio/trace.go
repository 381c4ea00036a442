package httpio

import "net/http"

// Trace returns the W3C traceparent of a request, or "" if there is none, or
// none that a worker could hand on (Trace Context, 3.2.2).
func Trace(r *http.Request) string {
	tp := r.Header.Get("Traceparent")
	if len(tp) != 55 || tp[2] != '-' || tp[35] != '-' || tp[52] != '-' || tp[:2] == "ff" {
		return ""
	}
	for i := range len(tp) {
		if c := tp[i]; i != 2 && i != 35 && i != 52 && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ""
		}
	}
	return tp
}
