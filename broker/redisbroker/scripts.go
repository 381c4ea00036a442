package redisbroker

import (
	"context"
	"crypto/sha1"
	_ "embed" // the scripts
	"encoding/hex"
	"fmt"

	"github.com/redis/rueidis"
)

// The scripts, one a file. Those of a log share look.lua.
var (
	//go:embed lua/look.lua
	look string
	//go:embed lua/create.lua
	createLua string
	//go:embed lua/quick.lua
	quickLua string
	//go:embed lua/append.lua
	appendLua string
	//go:embed lua/begin.lua
	beginLua string
	//go:embed lua/read.lua
	readLua string
	//go:embed lua/info.lua
	infoLua string
	//go:embed lua/seal.lua
	sealLua string
	//go:embed lua/cut.lua
	cutLua string
	//go:embed lua/renumber.lua
	renumberLua string
	//go:embed lua/compact.lua
	compactLua string
	//go:embed lua/trim.lua
	trimLua string
	//go:embed lua/delete.lua
	deleteLua string
	//go:embed lua/set.lua
	setLua string
	//go:embed lua/take.lua
	takeLua string
	//go:embed lua/hold.lua
	holdLua string
	//go:embed lua/adopt.lua
	adoptLua string
	//go:embed lua/stats.lua
	statsLua string
)

var (
	createScript   = rueidis.NewLuaScript(look + createLua)
	appendScript   = rueidis.NewLuaScript(quickLua + look + appendLua)
	beginScript    = rueidis.NewLuaScript(look + beginLua)
	readScript     = rueidis.NewLuaScriptReadOnly(look + readLua)
	infoScript     = rueidis.NewLuaScriptReadOnly(look + infoLua)
	sealScript     = rueidis.NewLuaScript(look + sealLua)
	cutScript      = rueidis.NewLuaScript(look + cutLua)
	renumberScript = rueidis.NewLuaScript(look + renumberLua)
	compactScript  = rueidis.NewLuaScript(look + compactLua)
	trimScript     = rueidis.NewLuaScript(look + trimLua)
	deleteScript   = rueidis.NewLuaScript(look + deleteLua)
	setScript      = rueidis.NewLuaScript(setLua)
	takeScript     = rueidis.NewLuaScript(takeLua)
	holdScript     = rueidis.NewLuaScript(holdLua)
	adoptScript    = rueidis.NewLuaScript(adoptLua)
	statsScript    = rueidis.NewLuaScriptReadOnly(statsLua)
)

// readSHA names the read script where it goes out together with other commands.
var readSHA = func() string {
	sum := sha1.Sum([]byte(look + readLua))
	return hex.EncodeToString(sum[:])
}()

// run runs a script that answers with an array.
func (b *Broker) run(ctx context.Context, s *rueidis.Lua, keys, args []string) ([]rueidis.RedisMessage, error) {
	if b.ctx.Err() != nil {
		return nil, b.wrap(ctx, rueidis.ErrClosing)
	}
	out, err := s.Exec(ctx, b.c, keys, args).ToArray()
	return out, b.wrap(ctx, err)
}

// verdict runs a script that answers with a word and numbers.
func (b *Broker) verdict(ctx context.Context, s *rueidis.Lua, keys, args []string) (word string, nums []rueidis.RedisMessage, err error) {
	r, err := b.run(ctx, s, keys, args)
	if err != nil {
		return "", nil, err
	}
	if len(r) == 0 {
		return "", nil, errReply
	}
	word, err = r[0].ToString()
	return word, r[1:], err
}

// whole returns the i-th number of a reply, 0 if there is none.
func whole(r []rueidis.RedisMessage, i int) uint64 {
	if i >= len(r) {
		return 0
	}
	n, err := r[i].AsInt64()
	if err != nil || n < 0 {
		return 0
	}
	return uint64(n)
}

func text(r []rueidis.RedisMessage, i int) string {
	if i >= len(r) {
		return ""
	}
	s, _ := r[i].ToString() // a nil is ""
	return s
}

func unknown(what, word string) error { return fmt.Errorf("%s: %w: %.40q", what, errReply, word) }
