add_sync_test(unit_base unit base_test.cc codec_test.cc LIBS sync_wire)
