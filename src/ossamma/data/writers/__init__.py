"""Writers: documents to the files of other tools, each format in a module of its own."""
