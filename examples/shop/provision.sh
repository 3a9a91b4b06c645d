#!/bin/sh
# Puts the shop on its AppServer. The file named "run" comes last, and at once
# by renaming: as soon as it is there it is run.
set -eu
cp -R shop theme "$WRIGHT_APPSERVER_DIR/"
cat >"$WRIGHT_APPSERVER_DIR/.run" <<END
#!/bin/sh
export SHOP_BUILD='$WRIGHT_BUILD' SHOP_DATABASE='$WRIGHT_DATABASE_SHOP_URL'
exec ./shop -listen "$WRIGHT_APPSERVER_ADDRESS:$WRIGHT_APPSERVER_PORT"
END
chmod 755 "$WRIGHT_APPSERVER_DIR/.run"
mv "$WRIGHT_APPSERVER_DIR/.run" "$WRIGHT_APPSERVER_DIR/run"
