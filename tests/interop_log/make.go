package main

import (
	"crypto/rand"
	"fmt"

	formats "github.com/transparency-dev/formats/log"
	formatsnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const origin = "peer.example/log"

// made is one log, of which the checkpoint of each size was signed and cosigned.
type made struct {
	Vkey     string     `json:"vkey"`
	Cosigner string     `json:"cosigner"`
	Trees    []madeTree `json:"trees"`
}

type madeTree struct {
	Size       int64         `json:"size"`
	Note       []byte        `json:"note"`
	Inclusions []inclusion   `json:"inclusions"`
	Older      []consistency `json:"older"`
	ProofFile  []byte        `json:"proof_file"`
	Entry      []byte        `json:"entry"`
}

// stored is a tree's hashes where tlog asks for them.
type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		found[i] = s[index]
	}
	return found, nil
}

func entry(index int64) []byte { return fmt.Appendf(nil, "entry %d of a peer", index) }

// signTrees signs and cosigns a log at these sizes, in rising order, and proves some of its leaves and each smaller size.
func signTrees(sizes []int64) made {
	secret, vkey, err := note.GenerateKey(rand.Reader, origin)
	must(err)
	log, err := note.NewSigner(secret)
	must(err)
	secret, public, err := note.GenerateKey(rand.Reader, "peer.example/witness")
	must(err)
	witness, err := formatsnote.NewSignerForCosignatureV1(secret)
	must(err)
	cosigner, err := formatsnote.VKeyToCosignatureV1(public)
	must(err)
	result := made{Vkey: vkey, Cosigner: cosigner}
	var hashes stored
	var index int64
	roots := map[int64]tlog.Hash{}
	for _, size := range sizes {
		for ; index < size; index++ {
			more, err := tlog.StoredHashes(index, entry(index), hashes)
			must(err)
			hashes = append(hashes, more...)
		}
		root, err := tlog.TreeHash(size, hashes)
		must(err)
		roots[size] = root
		head := formats.Checkpoint{Origin: origin, Size: uint64(size), Hash: root[:]}
		signed, err := note.Sign(&note.Note{Text: string(head.Marshal())}, log, witness)
		must(err)
		tree := madeTree{Size: size, Note: signed, Entry: entry(size / 2)}
		for _, leaf := range []int64{0, size / 3, size / 2, size - 1} {
			tree.Inclusions = append(tree.Inclusions, proveRecord(size, leaf, root, hashes))
		}
		for _, old := range sizes {
			if old <= size {
				tree.Older = append(tree.Older, proveTree(old, size, roots, hashes))
			}
		}
		tree.ProofFile = inFile(tree.Inclusions[2], signed)
		result.Trees = append(result.Trees, tree)
	}
	return result
}

func proveRecord(size, index int64, root tlog.Hash, hashes stored) inclusion {
	path, err := tlog.ProveRecord(size, index, hashes)
	must(err)
	return inclusion{Index: index, Size: size, Entry: entry(index), Root: root[:], Proof: plain(path)}
}

func proveTree(old, size int64, roots map[int64]tlog.Hash, hashes stored) consistency {
	path, err := tlog.ProveTree(size, old, hashes)
	must(err)
	before, now := roots[old], roots[size]
	return consistency{OldSize: old, OldRoot: before[:], NewSize: size, NewRoot: now[:], Proof: plain(path)}
}

func inFile(shown inclusion, signed []byte) []byte {
	path, err := hashes(shown.Proof)
	must(err)
	file := proof.TLogProof{Index: uint64(shown.Index), Checkpoint: signed, ExtraData: []byte("of a peer")}
	for _, hash := range path {
		file.Hashes = append(file.Hashes, hash)
	}
	return file.Marshal()
}

func plain(path []tlog.Hash) [][]byte {
	all := make([][]byte, len(path))
	for i := range path {
		all[i] = path[i][:]
	}
	return all
}
