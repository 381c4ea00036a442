package openai

import (
	"encoding/json"
	"net/http"

	"github.com/karez/karez/internal/answer"
	"github.com/karez/karez/turn"
)

// object keeps what is written short to write.
type object = map[string]any

// errorType is what OpenAI calls errors of a status.
func errorType(status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "authentication_error"
	case status == http.StatusForbidden:
		return "permission_error"
	case status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case status < 500:
		return "invalid_request_error"
	}
	return "server_error"
}

// errorObject is an error as OpenAI's clients read it.
func errorObject(p *answer.Problem) object {
	var param any
	if p.Param != "" {
		param = p.Param
	}
	return object{"message": p.Error(), "type": errorType(p.Status), "param": param, "code": p.Code}
}

// refuse answers a request that was not carried out.
func (t *Transport) refuse(w http.ResponseWriter, err error) {
	p := answer.Explain(err)
	p.Log(t.log, "openai request")
	p.Head(w.Header())
	write(w, p.Status, object{"error": errorObject(p)})
}

func write(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":{"message":"the server failed","type":"server_error","param":null,"code":"internal"}}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client may be gone
}

// failures are the HTTP status of a turn that failed, and OpenAI's code for it.
var failures = map[string]struct {
	status int
	code   string
}{
	turn.CodeProviderAuth:     {http.StatusBadGateway, "server_error"},
	turn.CodeProviderRejected: {http.StatusBadRequest, "invalid_prompt"},
	turn.CodeProviderLimited:  {http.StatusTooManyRequests, "rate_limit_exceeded"},
	turn.CodeProviderDown:     {http.StatusBadGateway, "server_error"},
	turn.CodeProviderTimeout:  {http.StatusGatewayTimeout, "server_error"},
	turn.CodeProviderBroken:   {http.StatusBadGateway, "server_error"},
	turn.CodeIdle:             {http.StatusGatewayTimeout, "server_error"},
	turn.CodeWorkerLost:       {http.StatusServiceUnavailable, "server_error"},
	turn.CodeNoWorker:         {http.StatusServiceUnavailable, "server_error"},
	turn.CodeTooLong:          {http.StatusInternalServerError, "server_error"},
	turn.CodeTurnExpired:      {http.StatusGatewayTimeout, "server_error"},
	turn.CodeInternal:         {http.StatusInternalServerError, "server_error"},
}

// failed is a turn's failure as a problem.
func failed(f turn.Failure) *answer.Problem {
	row, ok := failures[f.Code]
	if !ok {
		row = failures[turn.CodeInternal]
	}
	if f.Message == "" {
		f.Message = "the answer failed"
	}
	return &answer.Problem{Status: row.status, Code: f.Code, Message: f.Message}
}

// What a reader is told whose protocol cannot take back what it was given, and
// one whose answer somebody stopped.
var (
	takenBack = &answer.Problem{Status: http.StatusConflict, Code: "answer_restarted", Message: "the answer had to begin again", Hint: "retrieve it without starting_after to read it"}
	cancelled = &answer.Problem{Status: http.StatusConflict, Code: "cancelled", Message: "the answer was cancelled"}
)
