package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/turn"
)

// statuses say how an error is answered; what is not here is ours to mend.
var statuses = []struct {
	err    error
	status int
}{
	{turn.ErrBadID, http.StatusBadRequest},
	{gateway.ErrDraining, http.StatusServiceUnavailable},
	{gateway.ErrClosed, http.StatusServiceUnavailable},
	{broker.ErrTooLarge, http.StatusRequestEntityTooLarge},
	{broker.ErrUnavailable, http.StatusServiceUnavailable},
	{broker.ErrClosed, http.StatusServiceUnavailable},
	{context.Canceled, http.StatusServiceUnavailable},
	{context.DeadlineExceeded, http.StatusServiceUnavailable},
}

func statusOf(err error) (status int, known bool) {
	for _, r := range statuses {
		if errors.Is(err, r.err) {
			return r.status, true
		}
	}
	return http.StatusInternalServerError, false
}
