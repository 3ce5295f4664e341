package server

import (
	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
)

// The calls about rooms and what was said in them.

func (s *Server) findRooms(c *call) (any, error) {
	limit, err := c.limit()
	if err != nil {
		return nil, err
	}
	rooms, err := s.chat.FindRooms(c.Context(), c.caller, c.FormValue("q"), limit)
	return struct {
		Rooms []parley.RoomOffer `json:"rooms"`
	}{rooms}, err
}

func (s *Server) createRoom(c *call) (any, error) {
	var in struct {
		Name, Topic string
		Kind        parley.RoomKind
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	return s.chat.CreateRoom(c.Context(), c.caller, chat.NewRoom{Name: in.Name, Topic: in.Topic, Kind: in.Kind})
}

func (s *Server) changeRoom(c *call) (any, error) {
	var in struct {
		Name, Topic *string
		Archived    *bool
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	return s.chat.ChangeRoom(c.Context(), c.caller, c.PathValue("id"), parley.RoomChange(in))
}

func (s *Server) members(c *call) (any, error) {
	limit, err := c.limit()
	if err != nil {
		return nil, err
	}
	members, more, err := s.chat.Members(c.Context(), c.caller, c.PathValue("id"), c.FormValue("after"), limit)
	return struct {
		Members []chat.Mate `json:"members"`
		More    bool        `json:"more"`
	}{members, more}, err
}

func (s *Server) addMember(c *call) (any, error) {
	var in struct{ Role *parley.Role }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	room, user := c.PathValue("id"), c.PathValue("user")
	if in.Role != nil {
		return done(s.chat.SetRoomRole(c.Context(), c.caller, room, user, *in.Role))
	}
	return done(s.chat.AddMember(c.Context(), c.caller, room, user))
}

func (s *Server) removeMember(c *call) (any, error) {
	return done(s.chat.RemoveMember(c.Context(), c.caller, c.PathValue("id"), c.PathValue("user")))
}

func (s *Server) search(c *call) (any, error) {
	cursor, err := c.number("cursor")
	if err != nil {
		return nil, err
	}
	hits, err := s.chat.Search(c.Context(), c.caller, c.FormValue("q"), cursor)
	return struct {
		Messages []parley.Message `json:"messages"`
		Cursor   int64            `json:"cursor,omitempty"`
	}{hits.Messages, hits.Cursor}, err
}
