"""Readers: files of each format as a stream of chunks, in bounded memory, from any position that was handed out before."""
