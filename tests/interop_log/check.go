package main

import (
	"errors"
	"fmt"

	formats "github.com/transparency-dev/formats/log"
	formatsnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A hash's bytes travel in base64, as JSON writes Go's byte slices.
type inclusion struct {
	Index int64    `json:"index"`
	Size  int64    `json:"size"`
	Entry []byte   `json:"entry"`
	Root  []byte   `json:"root"`
	Proof [][]byte `json:"proof"`
}

type consistency struct {
	OldSize int64    `json:"old_size"`
	OldRoot []byte   `json:"old_root"`
	NewSize int64    `json:"new_size"`
	NewRoot []byte   `json:"new_root"`
	Proof   [][]byte `json:"proof"`
}

type checkpoint struct {
	Note     []byte `json:"note"`
	Vkey     string `json:"vkey"`
	Origin   string `json:"origin"`
	Cosigner string `json:"cosigner"`
	Time     int64  `json:"time"`
	Size     uint64 `json:"size"`
	Root     []byte `json:"root"`
}

type proofFile struct {
	File  []byte `json:"file"`
	Vkey  string `json:"vkey"`
	Entry []byte `json:"entry"`
	Extra []byte `json:"extra"`
}

func (q inclusion) check() error {
	hashes, err := hashes(append(q.Proof, q.Root))
	if err != nil {
		return err
	}
	last := len(hashes) - 1
	return tlog.CheckRecord(tlog.RecordProof(hashes[:last]), q.Size, hashes[last], q.Index, tlog.RecordHash(q.Entry))
}

func (q consistency) check() error {
	hashes, err := hashes(append(q.Proof, q.OldRoot, q.NewRoot))
	if err != nil {
		return err
	}
	n := len(q.Proof)
	return tlog.CheckTree(tlog.TreeProof(hashes[:n]), q.NewSize, hashes[n+1], q.OldSize, hashes[n])
}

// check opens the note with sumdb/note alone, and the whole with formats, which knows cosignatures.
func (q checkpoint) check() error {
	log, err := note.NewVerifier(q.Vkey)
	if err != nil {
		return err
	}
	if _, err := note.Open(q.Note, note.VerifierList(log)); err != nil {
		return err
	}
	cosigner, err := formatsnote.NewVerifierForCosignatureV1(q.Cosigner)
	if err != nil {
		return err
	}
	parsed, rest, opened, err := formats.ParseCheckpoint(q.Note, q.Origin, log, cosigner)
	if err != nil {
		return err
	}
	if parsed.Size != q.Size || string(parsed.Hash) != string(q.Root) || len(rest) > 0 {
		return errors.New("another checkpoint was read")
	}
	for _, signature := range opened.Sigs {
		if signature.Hash == cosigner.KeyHash() {
			return sameTime(signature, q.Time)
		}
	}
	return errors.New("no cosignature was verified")
}

func sameTime(cosignature note.Signature, time int64) error {
	at, err := formatsnote.CoSigV1Timestamp(cosignature)
	if err == nil && at.Unix() != time {
		err = fmt.Errorf("the cosignature says %d", at.Unix())
	}
	return err
}

func (q proofFile) check() error {
	var read proof.TLogProof
	if err := read.Unmarshal(q.File); err != nil {
		return err
	}
	log, err := note.NewVerifier(q.Vkey)
	if err != nil {
		return err
	}
	head, _, _, err := formats.ParseCheckpoint(read.Checkpoint, log.Name(), log)
	if err != nil {
		return err
	}
	if string(read.ExtraData) != string(q.Extra) {
		return errors.New("other extra data was read")
	}
	path := make(tlog.RecordProof, len(read.Hashes))
	for i, hash := range read.Hashes {
		path[i] = hash
	}
	return tlog.CheckRecord(path, int64(head.Size), tlog.Hash(head.Hash), int64(read.Index), tlog.RecordHash(q.Entry))
}

func hashes(given [][]byte) ([]tlog.Hash, error) {
	all := make([]tlog.Hash, len(given))
	for i, hash := range given {
		if len(hash) != tlog.HashSize {
			return nil, errors.New("a hash does not have 32 bytes")
		}
		all[i] = tlog.Hash(hash)
	}
	return all, nil
}
