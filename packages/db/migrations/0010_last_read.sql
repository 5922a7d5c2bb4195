-- The read of the stream that the newest committed batch came from, `<reader>:<number>`: Redis's memory holds what is
-- committed exactly where it holds this read.
alter table usage_stream_positions add column last_read text not null default '';
