// Checks logs that Laurel wrote, and makes notes and proofs for it to check, with nothing but others' libraries.
//
//	peer QUESTIONS ANSWERS
//
// QUESTIONS is a JSON file of things to check; ANSWERS gets, in the same order, what was found wrong with each ("" for
// nothing), and what this side made.
package main

import (
	"encoding/json"
	"log"
	"os"
)

type questions struct {
	Checkpoints []checkpoint  `json:"checkpoints"`
	Inclusions  []inclusion   `json:"inclusions"`
	Consistency []consistency `json:"consistency"`
	ProofFiles  []proofFile   `json:"proof_files"`
	Sizes       []int64       `json:"sizes"`
}

type answers struct {
	Checkpoints []string `json:"checkpoints"`
	Inclusions  []string `json:"inclusions"`
	Consistency []string `json:"consistency"`
	ProofFiles  []string `json:"proof_files"`
	Made        made     `json:"made"`
}

func main() {
	asked, err := os.ReadFile(os.Args[1])
	must(err)
	var q questions
	must(json.Unmarshal(asked, &q))
	a := answers{
		Checkpoints: each(q.Checkpoints, checkpoint.check),
		Inclusions:  each(q.Inclusions, inclusion.check),
		Consistency: each(q.Consistency, consistency.check),
		ProofFiles:  each(q.ProofFiles, proofFile.check),
		Made:        signTrees(q.Sizes),
	}
	answered, err := json.Marshal(a)
	must(err)
	must(os.WriteFile(os.Args[2], answered, 0o600))
}

func each[T any](things []T, check func(T) error) []string {
	found := make([]string, len(things))
	for i, thing := range things {
		if err := check(thing); err != nil {
			found[i] = err.Error()
		}
	}
	return found
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
