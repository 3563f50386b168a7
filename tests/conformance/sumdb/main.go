// Checks a served decision log with the Go checksum database's own code (golang.org/x/mod/sumdb):
// its signed notes, its tiles, its RFC 6962 tree. Only paths and bundles are C2SP tlog-tiles'.
//
//	main PREFIX VERIFIER                     every entry, up to the signed root
//	main PREFIX VERIFIER PROOF ENTRY         a tlog-proof file of an entry
//	main PREFIX VERIFIER OLD-SIZE OLD-ROOT HASH…  that the log continues an older tree
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	prefix, verifier := os.Args[1], os.Args[2]
	switch rest := os.Args[3:]; {
	case len(rest) == 0:
		all(prefix, opened(fetched(prefix+"/checkpoint"), verifier))
	case len(rest) == 2 && strings.HasSuffix(rest[0], ".tlog-proof"):
		proof(read(rest[0]), read(rest[1]), verifier)
	default:
		continues(opened(fetched(prefix+"/checkpoint"), verifier), rest)
	}
}

func all(prefix string, tree tlog.Tree) {
	hashes := tlog.TileHashReader(tree, tiles{prefix})
	for first := int64(0); first < tree.N; first += 1 << height {
		width := min(tree.N-first, 1<<height)
		bundle := fetched(prefix + "/" + path("entries", first>>height, int(width)))
		places := make([]int64, width)
		for place := range places {
			places[place] = tlog.StoredHashIndex(0, first+int64(place))
		}
		found, err := hashes.ReadHashes(places)
		must(err)
		for place := range places {
			size := int(binary.BigEndian.Uint16(bundle))
			entry := bundle[2 : 2+size]
			bundle = bundle[2+size:]
			if found[place] != tlog.RecordHash(entry) {
				fail("entry %d isn't what the tree has", first+int64(place))
			}
		}
		if len(bundle) != 0 {
			fail("a bundle has more than its entries")
		}
	}
	root, err := tlog.TreeHash(tree.N, hashes)
	must(err)
	if root != tree.Hash {
		fail("the tiles lead to another root")
	}
	fmt.Printf("%d entries lead to %v\n", tree.N, root)
}

func proof(file, entry []byte, verifier string) {
	head, signed, _ := strings.Cut(string(file), "\n\n")
	lines := strings.Split(head, "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" {
		fail("not a tlog-proof")
	}
	lines = lines[1:]
	if strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "index "), 10, 64)
	must(err)
	tree := opened([]byte(signed), verifier)
	must(tlog.CheckRecord(parsed(lines[1:]), tree.N, tree.Hash, index, tlog.RecordHash(entry)))
	fmt.Printf("entry %d is in a tree of %d\n", index, tree.N)
}

func continues(tree tlog.Tree, rest []string) {
	size, err := strconv.ParseInt(rest[0], 10, 64)
	must(err)
	hashes := parsed(rest[1:])
	must(tlog.CheckTree(hashes[1:], tree.N, tree.Hash, size, hashes[0]))
	fmt.Printf("a tree of %d continues one of %d\n", tree.N, size)
}

// opened is the tree of a checkpoint that the key signed (C2SP tlog-checkpoint).
func opened(signed []byte, verifier string) tlog.Tree {
	key, err := note.NewVerifier(verifier)
	must(err)
	opened, err := note.Open(signed, note.VerifierList(key))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	if lines[0] != key.Name() {
		fail("the checkpoint is of another log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	return tlog.Tree{N: size, Hash: parsed(lines[2:3])[0]}
}

type tiles struct{ prefix string }

func (tiles) Height() int                         { return height }
func (tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) (data [][]byte, err error) {
	for _, tile := range wanted {
		where := path(strconv.Itoa(tile.L), tile.N, tile.W)
		data = append(data, fetched(t.prefix+"/"+where))
	}
	return data, nil
}

// path of a tile, which has no height in it (C2SP tlog-tiles, "Merkle Tree").
func path(level string, index int64, width int) string {
	tile := tlog.Tile{H: height, L: 0, N: index, W: width}
	return "tile/" + level + "/" + strings.TrimPrefix(tile.Path(), "tile/8/0/")
}

func parsed(lines []string) (hashes []tlog.Hash) {
	for _, line := range lines {
		data, err := base64.StdEncoding.DecodeString(line)
		must(err)
		hashes = append(hashes, *(*tlog.Hash)(data))
	}
	return hashes
}

func fetched(url string) []byte {
	answer, err := http.Get(url)
	must(err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		fail("%s: %s", url, answer.Status)
	}
	data, err := io.ReadAll(answer.Body)
	must(err)
	return data
}

func read(name string) []byte {
	data, err := os.ReadFile(name)
	must(err)
	return data
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

func must(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func fail(format string, values ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", values...)
	os.Exit(1)
}
