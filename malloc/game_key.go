package malloc

// Key is a hash of the game's state: what is decided, the blocks, the copies with
// their room on the engines and their order. Games of one instance that differ
// only in the order of their decisions have equal keys, and go on alike; other
// games have different ones, but for the odds of 64 bits. It does not tell which
// buffer is chosen.
func (g *Game) Key() uint64 {
	st := &g.st
	key := uint64(0)
	for i, k := range st.kind {
		key += mix(mix(1, uint64(i)), uint64(k)<<32|uint64(uint32(st.tierOf[i])))
	}
	for t, x := range st.exec {
		key += mix(mix(2, uint64(t)), uint64(uint32(x)))
	}
	for i, b := range st.banned {
		if b {
			key += mix(3, uint64(i))
		}
	}
	for i, o := range st.classOff {
		key += mix(mix(4, uint64(i)), uint64(o))
	}
	for i, o := range st.mayOff {
		key += mix(mix(5, uint64(i)), uint64(o))
	}
	for i := range st.blocks {
		if b := &st.blocks[i]; !b.dead {
			key += b.key(6)
		}
	}
	for i := range st.copies {
		c := &st.copies[i]
		if c.dead {
			continue
		}
		h := mix(7, uint64(uint32(c.buf))<<32|uint64(uint32(c.engine)))
		h = mix(h, uint64(uint32(c.start))<<32|uint64(uint32(c.before)))
		h = mix(h, uint64(c.bytes))
		if c.back {
			h = mix(h, 1)
		}
		if c.after >= 0 {
			h = mix(h, 2+uint64(uint32(st.copies[c.after].engine)))
		}
		if c.block >= 0 {
			h = st.blocks[c.block].key(h)
		}
		for _, k := range st.bookings[c.bookLo:c.bookHi] {
			h = mix(mix(h, uint64(uint32(k.slot))), uint64(k.picos))
		}
		key += h
		// Copies that start together are issued in the order they were made.
		for j := range st.copies[:i] {
			if e := &st.copies[j]; !e.dead && e.start == c.start && e.buf != c.buf {
				key += mix(mix(8, uint64(uint32(e.buf))<<32|uint64(uint32(c.buf))), uint64(uint32(c.start)))
			}
		}
	}
	return key
}

func (b *gblock) key(h uint64) uint64 {
	h = mix(h, uint64(uint32(b.buf))<<32|uint64(uint32(b.tier)))
	h = mix(h, uint64(uint32(b.start))<<32|uint64(uint32(b.end)))
	flags := uint64(0)
	for i, f := range [...]bool{b.body, b.home, b.between, b.promise} {
		if f {
			flags |= 1 << i
		}
	}
	return mix(mix(h, uint64(b.off)), uint64(uint32(b.keep))<<8|flags)
}

// mix is the finaliser of splitmix64 over both.
func mix(h, x uint64) uint64 {
	h = (h^x)*0x9e3779b97f4a7c15 + 0x632be59bd9b4e019
	h ^= h >> 30
	h *= 0xbf58476d1ce4e5b9
	h ^= h >> 27
	h *= 0x94d049bb133111eb
	return h ^ h>>31
}
