package mongod

import (
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// collection is the one that a command names.
func (r request) collection() (string, error) {
	name, _ := r.args.Lookup(r.name).StringValueOK()
	if name == "" {
		return "", &failure{73, "InvalidNamespace", "collection names cannot be empty"}
	}
	return name, nil
}

// each gives the documents of an array.
func (r request) each(field string) ([]bson.Raw, error) {
	values, ok := r.args.Lookup(field).ArrayOK()
	if !ok {
		return nil, &failure{40414, "Location40414", fmt.Sprintf("BSON field '%s.%s' is missing but a required field", r.name, field)}
	}
	list, err := values.Values()
	if err != nil || len(list) == 0 {
		return nil, &failure{16, "InvalidLength", "Write batch sizes must be between 1 and 100000."}
	}
	var docs []bson.Raw
	for _, v := range list {
		doc, ok := v.DocumentOK()
		if !ok {
			return nil, &failure{14, "TypeMismatch", field + " must be objects"}
		}
		docs = append(docs, slices.Clone(doc))
	}
	return docs, nil
}

// matches says whether a document has all fields of a filter.
func matches(doc, filter bson.Raw) (bool, error) {
	elements, err := filter.Elements()
	if err != nil {
		return false, badValue("the filter: %v", err)
	}
	for _, e := range elements {
		if d, ok := e.Value().DocumentOK(); ok && len(d) > 5 || e.Key()[0] == '$' {
			return false, badValue("this server knows equality only")
		}
		if !doc.Lookup(e.Key()).Equal(e.Value()) {
			return false, nil
		}
	}
	return true, nil
}

func (s *Server) selected(db, collection string, filter bson.Raw) (list []int, err error) {
	for i, doc := range s.data[db][collection] {
		ok, err := matches(doc, filter)
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, i)
		}
	}
	return list, nil
}

// add makes the database and the collection where they are missing [C].
func (s *Server) add(db, collection string, doc bson.Raw) *failure {
	id := doc.Lookup("_id")
	if id.IsZero() {
		return badValue("this server wants an _id") // drivers make one
	}
	for _, other := range s.data[db][collection] {
		if other.Lookup("_id").Equal(id) {
			return &failure{11000, "DuplicateKey", fmt.Sprintf("E11000 duplicate key error collection: %s.%s index: _id_", db, collection)}
		}
	}
	if s.data[db] == nil {
		s.data[db] = map[string][]bson.Raw{}
	}
	s.data[db][collection] = append(s.data[db][collection], doc)
	return nil
}

func (s *Server) insert(r request) (bson.D, error) {
	name, err := r.collection()
	if err != nil {
		return nil, err
	}
	docs, err := r.each("documents")
	if err != nil {
		return nil, err
	}
	n := int32(0)
	for i, doc := range docs {
		if f := s.add(r.db, name, doc); f != nil {
			return bson.D{{Key: "n", Value: n}, {Key: "writeErrors", Value: bson.A{
				bson.D{{Key: "index", Value: int32(i)}, {Key: "code", Value: f.code}, {Key: "errmsg", Value: f.text}},
			}}}, nil
		}
		n++
	}
	return bson.D{{Key: "n", Value: n}}, nil
}

// update replaces whole documents only.
func (s *Server) update(r request) (bson.D, error) {
	name, err := r.collection()
	if err != nil {
		return nil, err
	}
	updates, err := r.each("updates")
	if err != nil {
		return nil, err
	}
	n, upserted := int32(0), bson.A{}
	for i, u := range updates {
		filter, _ := u.Lookup("q").DocumentOK()
		fresh, ok := u.Lookup("u").DocumentOK()
		if elements, err := fresh.Elements(); !ok || err != nil || len(elements) > 0 && elements[0].Key()[0] == '$' {
			return nil, badValue("this server replaces whole documents only")
		}
		found, err := s.selected(r.db, name, filter)
		if err != nil {
			return nil, err
		}
		upsert, _ := u.Lookup("upsert").BooleanOK()
		switch {
		case len(found) > 0:
			s.data[r.db][name][found[0]] = slices.Clone(fresh)
			n++
		case upsert:
			if f := s.add(r.db, name, slices.Clone(fresh)); f != nil {
				return nil, f
			}
			n++
			upserted = append(upserted, bson.D{{Key: "index", Value: int32(i)}, {Key: "_id", Value: fresh.Lookup("_id")}})
		}
	}
	answer := bson.D{{Key: "n", Value: n}, {Key: "nModified", Value: n - int32(len(upserted))}}
	if len(upserted) > 0 {
		answer = append(answer, bson.E{Key: "upserted", Value: upserted})
	}
	return answer, nil
}

func (s *Server) delete(r request) (bson.D, error) {
	name, err := r.collection()
	if err != nil {
		return nil, err
	}
	deletes, err := r.each("deletes")
	if err != nil {
		return nil, err
	}
	n := int32(0)
	for _, d := range deletes {
		filter, _ := d.Lookup("q").DocumentOK()
		found, err := s.selected(r.db, name, filter)
		if err != nil {
			return nil, err
		}
		if limit, _ := d.Lookup("limit").AsInt64OK(); limit == 1 {
			found = found[:min(1, len(found))]
		}
		for _, i := range slices.Backward(found) {
			s.data[r.db][name] = slices.Delete(s.data[r.db][name], i, i+1)
			n++
		}
	}
	return bson.D{{Key: "n", Value: n}}, nil
}

// A first batch holds 101 documents where nobody asks for another number [C].
const firstBatch = 101

func (s *Server) find(r request) (bson.D, error) {
	name, err := r.collection()
	if err != nil {
		return nil, err
	}
	filter, _ := r.args.Lookup("filter").DocumentOK()
	found, err := s.selected(r.db, name, filter)
	if err != nil {
		return nil, err
	}
	if limit, _ := r.args.Lookup("limit").AsInt64OK(); limit > 0 {
		found = found[:min(int64(len(found)), limit)]
	}
	docs := []bson.Raw{}
	for _, i := range found {
		docs = append(docs, s.data[r.db][name][i])
	}
	return s.batch("firstBatch", r.db+"."+name, docs), nil
}

func (s *Server) batch(field, ns string, docs []bson.Raw) bson.D {
	id, now := int64(0), docs[:min(len(docs), firstBatch)]
	if rest := docs[len(now):]; len(rest) > 0 {
		s.last++
		id = s.last
		s.cursors[id] = rest
	}
	return bson.D{{Key: "cursor", Value: bson.D{{Key: field, Value: now}, {Key: "id", Value: id}, {Key: "ns", Value: ns}}}}
}

func (s *Server) getMore(r request) (bson.D, error) {
	id, _ := r.args.Lookup(r.name).AsInt64OK()
	docs, there := s.cursors[id]
	if !there {
		return nil, &failure{43, "CursorNotFound", fmt.Sprintf("cursor id %d not found", id)}
	}
	delete(s.cursors, id)
	name, _ := r.args.Lookup("collection").StringValueOK()
	return s.batch("nextBatch", r.db+"."+name, docs), nil
}
