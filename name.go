package parley

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// NameKey is what two names must not have in common: the name with every letter
// mapped to the least of its case variants ([unicode.SimpleFold]), so that
// "Ann" and "ANN" are one. Names are in Unicode normal form C before they come
// here.
func NameKey(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, name)
}

// NumberedName returns the name with a number behind it, "ann 2", cut so that
// it stays within [MaxUserName] characters.
func NumberedName(name string, number int) string {
	suffix := " " + strconv.Itoa(number)
	runes := []rune(name)
	if keep := MaxUserName - utf8.RuneCountInString(suffix); len(runes) > keep {
		name = strings.TrimRight(string(runes[:keep]), " ")
	}
	return name + suffix
}
