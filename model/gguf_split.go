package model

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// splitName is the name llama.cpp gives to the shards of a split model.
var splitName = regexp.MustCompile(`^(.*)-(\d{5})-of-(\d{5})\.gguf$`)

// Open reads the header of a GGUF model. Any shard of a split model stands for
// all of them: the others are found beside it by name. Metadata is that of the
// first shard.
func Open(path string) (*File, error) {
	m := splitName.FindStringSubmatch(filepath.Base(path))
	if m == nil {
		f, err := openOne(path)
		if err != nil {
			return nil, err
		}
		if f.Has("split.count") {
			if n, err := f.Int("split.count"); err != nil {
				return nil, err
			} else if n > 1 {
				return nil, fmt.Errorf("%s: is one of %d shards, but is not named NAME-00001-of-%05d.gguf: the others cannot be found; restore the name", path, n, n)
			}
		}
		return f, nil
	}
	count, _ := strconv.Atoi(m[3])
	if no, _ := strconv.Atoi(m[2]); no < 1 || no > count {
		return nil, fmt.Errorf("%s: the name says shard %d of %d", path, no, count)
	}
	var whole *File
	names := map[string]struct{}{}
	for i := range count {
		shard := filepath.Join(filepath.Dir(path), fmt.Sprintf("%s-%05d-of-%05d.gguf", m[1], i+1, count))
		f, err := openOne(shard)
		if err != nil {
			return nil, fmt.Errorf("shard %d of %d: %w", i+1, count, err)
		}
		if err := f.expectShard(i, count); err != nil {
			return nil, err
		}
		for j := range f.Tensors {
			t := &f.Tensors[j]
			if _, twice := names[t.Name]; twice {
				return nil, fmt.Errorf("%s: tensor %q is already in an earlier shard", shard, t.Name)
			}
			names[t.Name] = struct{}{}
			t.Shard = i
		}
		if whole == nil {
			whole = f
			continue
		}
		whole.Shards = append(whole.Shards, f.Shards[0])
		whole.Tensors = append(whole.Tensors, f.Tensors...)
	}
	if whole.Has("split.tensors.count") {
		n, err := whole.Int("split.tensors.count")
		if err != nil {
			return nil, err
		}
		if n != int64(len(whole.Tensors)) {
			return nil, fmt.Errorf("%s: metadata split.tensors.count is %d, but the %d shards hold %d tensors", whole.Shards[0].Path, n, count, len(whole.Tensors))
		}
	}
	return whole, nil
}

// expectShard checks that a file is the shard its name says.
func (f *File) expectShard(index, count int) error {
	for _, field := range []struct {
		key  string
		want int
	}{{"split.no", index}, {"split.count", count}} {
		got, err := f.Int(field.key)
		if err != nil {
			return err
		}
		if got != int64(field.want) {
			return fmt.Errorf("%s: metadata %s is %d, but the file name says %d", f.Shards[0].Path, field.key, got, field.want)
		}
	}
	return nil
}

func openOne(path string) (*File, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	f, err := ReadGGUF(r, info.Size(), path)
	if err != nil {
		return nil, err
	}
	f.data = pathReader(path)
	return f, nil
}
