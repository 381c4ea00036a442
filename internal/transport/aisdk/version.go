package aisdk

import (
	"strconv"
	"strings"
)

// A version is that of the AI SDK a client declares; its reader fails on chunks
// that it does not know, so newer ones go only to those who say that they do.
type version struct{ major, minor, patch int }

// oldest is what every client understands.
var oldest = version{5, 0, 0}

// latest stands for parts of a version that were not given: "7" is the newest 7.
const latest = 1 << 20

// parseVersion reads "7", "7.0" or "7.0.173". What is older than 5, or cannot
// be read, is oldest.
func parseVersion(s string) version {
	v := version{0, latest, latest}
	for i, p := range []*int{&v.major, &v.minor, &v.patch} {
		word, rest, more := strings.Cut(s, ".")
		if i == 2 {
			word, _, _ = strings.Cut(word, "-") // a pre-release
		}
		n, err := strconv.ParseUint(word, 10, 16)
		if err != nil {
			return oldest
		}
		*p, s = int(n), rest
		if !more {
			break
		}
	}
	if v.major < oldest.major {
		return oldest
	}
	return v
}

func (v version) from(major, patch int) bool {
	return v.major > major || v.major == major && (v.minor > 0 || v.patch >= patch)
}

// What came when.
func (v version) finishReason() bool { return v.from(6, 0) }
func (v version) abortReason() bool  { return v.from(6, 0) }
func (v version) approval() bool     { return v.from(6, 0) }
func (v version) custom() bool       { return v.from(7, 0) }
func (v version) answered() bool     { return v.from(7, 0) } // tool-approval-response
func (v version) resetStep() bool    { return v.from(7, 70) }
